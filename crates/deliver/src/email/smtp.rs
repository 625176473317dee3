//! One mail through one server. The guard resolves the name; what is connected to is the address.
use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};

use crate::{
    client,
    guard::{CONNECT_TIMEOUT, Destination, Guard},
    outcome::{Failure, Outcome},
};

/// How a connection is kept from being read.
pub(super) enum Security {
    /// It is not.
    None,
    /// By TLS after a greeting in clear.
    Starttls(TlsParameters),
    /// By TLS from the first byte.
    Whole(TlsParameters),
}

/// A mail server.
pub(super) struct Server {
    pub(super) to: Destination,
    pub(super) security: Security,
    pub(super) login: Option<Credentials>,
    /// As whom we greet it.
    pub(super) hello: String,
}

/// How far the conversation got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was said of the mail: whatever is refused can be mended.
    Before,
    /// The mail itself was refused.
    Mail,
}

impl Server {
    /// Hands the mail over; returns the status of the last answer.
    pub(super) async fn take(&self, message: &Message, guard: &Guard) -> Result<u16, Outcome> {
        let patience = guard.patience() * 3;
        let talk = tokio::time::timeout(patience, self.talk(message, guard)).await;
        talk.unwrap_or_else(|_| Err(Failure::late(patience).retry()))
    }

    async fn talk(&self, message: &Message, guard: &Guard) -> Result<u16, Outcome> {
        let mut connection = self.connect(guard).await?;
        if let Some(login) = &self.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let done = connection.auth(&mechanisms, login).await;
            done.map_err(|error| outcome(&error, Stage::Before))?;
        }
        let taken = connection.send(message.envelope(), &message.formatted()).await;
        let taken = taken.map_err(|error| outcome(&error, Stage::Mail))?;
        // It has the mail; whether it hears our farewell does not matter.
        let _ = connection.quit().await;
        Ok(taken.code().into())
    }

    async fn connect(&self, guard: &Guard) -> Result<AsyncSmtpConnection, Outcome> {
        let hello = ClientId::Domain(self.hello.clone());
        let found = tokio::time::timeout(CONNECT_TIMEOUT, guard.addresses(&self.to)).await;
        let slow = || Failure::new("timeout", "the name was not resolved in time").retry();
        let addresses = found.map_err(|_| slow())?;
        let addresses = addresses.map_err(|error| error.failure().retry())?;
        let whole = match &self.security {
            Security::Whole(parameters) => Some(parameters.clone()),
            _ => None,
        };
        // All of them were checked; the first that answers is taken.
        let connected = AsyncSmtpConnection::connect_tokio1(
            addresses.as_slice(),
            Some(CONNECT_TIMEOUT),
            &hello,
            whole,
            None,
        );
        let mut connection = connected.await.map_err(|error| outcome(&error, Stage::Before))?;
        if let Security::Starttls(parameters) = &self.security {
            if !connection.can_starttls() {
                connection.abort().await;
                let why = "the server offers no STARTTLS; use smtps, or another port";
                return Err(Failure::new("tls", why).retry());
            }
            let encrypted = connection.starttls(parameters.clone(), &hello).await;
            encrypted.map_err(|error| outcome(&error, Stage::Before))?;
        }
        Ok(connection)
    }
}

/// 4xx is for now; 5xx is for ever, if it is the mail that is refused and not us.
fn outcome(error: &Error, stage: Stage) -> Outcome {
    let status = error.status().map(u16::from);
    let reason = match status {
        Some(530 | 534 | 535 | 538) => "credentials",
        Some(500..) => "smtp_5xx",
        Some(_) => "smtp_4xx",
        None if error.is_timeout() => "timeout",
        None if error.is_client() => "template",
        None if stage == Stage::Before => return client::failure(error).connecting().retry(),
        None => return client::failure(error).retry(),
    };
    let said =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let why = Failure { status, ..Failure::new(reason, said) };
    let final_word = stage == Stage::Mail && matches!(reason, "smtp_5xx" | "template");
    if final_word { why.give_up() } else { why.retry() }
}
