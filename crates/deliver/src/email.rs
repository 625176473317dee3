//! A mail with the record attached, by SMTP.
//!
//! Its `Message-ID` is made of the parcel's id: whoever gets it twice can tell.
mod message;
mod smtp;

use lettre::transport::smtp::{
    authentication::Credentials,
    client::{Certificate, TlsParameters},
};
use serde::Deserialize;

use crate::{
    guard::{Destination, Guard, Scheme},
    outcome::{Outcome, Sent},
    parcel::Outgoing,
    secret::Secret,
    settings::{Settings, SettingsError},
    target,
    values::Values,
};
use message::{Letter, message_id};
use smtp::{Security, Server};

/// What can be said besides the URL.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    from: String,
    to: OneOrMany,
    subject: Option<String>,
    text: Option<String>,
    #[serde(default)]
    tls: Tls,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// What becomes of a connection that begins in clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tls {
    /// It is encrypted before anything is said, or nothing is said.
    #[default]
    Starttls,
    /// It stays in clear; only where private destinations are allowed.
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

/// A mail server, and what is sent through it.
pub(crate) struct Mailbox {
    server: Server,
    letter: Letter,
}

impl Mailbox {
    pub(crate) fn open(
        settings: &Settings,
        secret: Option<&Secret>,
        guard: &Guard,
    ) -> Result<Mailbox, SettingsError> {
        let schemes = [Scheme::Smtp, Scheme::Smtps];
        let (_, to) = target::url_of(&settings.url, "/url", &schemes, guard)?;
        let options: Options = settings.options.read()?;
        let security = security(&to, options.tls, guard)?;
        let recipients = match options.to {
            OneOrMany::One(to) => vec![to],
            OneOrMany::Many(to) => to,
        };
        let letter = Letter::parse(
            &options.from,
            &recipients,
            options.subject.as_deref(),
            options.text.as_deref(),
        )?;
        let login = secret.map(login).transpose()?;
        let server = Server { to, security, login, hello: letter.domain().to_owned() };
        Ok(Mailbox { server, letter })
    }

    pub(crate) async fn send(&self, parcel: &Outgoing<'_>, guard: &Guard) -> Outcome {
        let message = match self.letter.write(&Values::of(parcel)) {
            Ok(message) => message,
            Err(failure) => return failure.give_up(),
        };
        match self.server.take(&message, guard).await {
            Ok(status) => {
                let note = Some(message_id(parcel.id, self.letter.domain()));
                let mut sent = Sent::of(parcel.bytes()).noting(note);
                sent.status = Some(status);
                Outcome::Sent(sent)
            }
            Err(outcome) => outcome,
        }
    }
}

fn security(to: &Destination, tls: Tls, guard: &Guard) -> Result<Security, SettingsError> {
    if tls == Tls::None {
        if !guard.allows_private() {
            let why = "mail in clear needs --allow-private-destinations; leave `tls` out";
            return Err(SettingsError::new("/options/tls", why));
        }
        if to.scheme() == Scheme::Smtps {
            let why = "smtps is encrypted from the beginning; write smtp, or leave `tls` out";
            return Err(SettingsError::new("/options/tls", why));
        }
        return Ok(Security::None);
    }
    let mut parameters = TlsParameters::builder(to.host().trim_end_matches('.').to_owned());
    if let Some(pem) = guard.authorities()
        && let Ok(authority) = Certificate::from_pem(pem.as_bytes())
    {
        parameters = parameters.add_root_certificate(authority);
    }
    let parameters =
        parameters.build().map_err(|error| SettingsError::new("/url", error.to_string()))?;
    Ok(match to.scheme() {
        Scheme::Smtps => Security::Whole(parameters),
        _ => Security::Starttls(parameters),
    })
}

fn login(secret: &Secret) -> Result<Credentials, SettingsError> {
    let Login { username, password } = serde_json::from_str(secret.expose()).map_err(|_| {
        SettingsError::new("/secret", r#"send it as JSON: {"username", "password"}"#)
    })?;
    Ok(Credentials::new(username, password))
}
