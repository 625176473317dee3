//! A destination, ready to be sent to.
use url::Url;

use crate::{
    crm::Crm,
    email::Mailbox,
    guard::{Destination, Guard, Scheme},
    object_file::ObjectFile,
    outcome::Outcome,
    parcel::Outgoing,
    secret::Secret,
    settings::{Kind, Settings, SettingsError},
    tropo::Application,
    webhook::Webhook,
};

/// A destination whose settings hold, with all that one attempt after another may share.
pub struct Target {
    guard: Guard,
    way: Way,
}

enum Way {
    ObjectFile(ObjectFile),
    Webhook(Webhook),
    Email(Mailbox),
    Crm(Box<Crm>),
    Tropo(Application),
}

impl Target {
    /// Checks everything that can be checked without a connection: URL, literal address and port
    /// against the guard, options, templates, and the form of the secret.
    ///
    /// # Errors
    /// Names the place in the settings, what came there and what to do.
    pub fn open(
        settings: &Settings,
        secret: Option<&Secret>,
        guard: &Guard,
    ) -> Result<Target, SettingsError> {
        let way = match settings.kind {
            Kind::ObjectStore => Way::ObjectFile(ObjectFile::open(settings, secret, guard)?),
            Kind::Webhook => Way::Webhook(Webhook::open(settings, secret, guard)?),
            Kind::Email => Way::Email(Mailbox::open(settings, secret, guard)?),
            Kind::Crm => Way::Crm(Box::new(Crm::open(settings, secret, guard)?)),
            Kind::Tropo => Way::Tropo(Application::open(settings, secret, guard)?),
        };
        Ok(Target { guard: guard.clone(), way })
    }

    /// Makes one attempt. Takes no longer than the timeouts of its kind.
    pub async fn send(&self, parcel: &Outgoing<'_>) -> Outcome {
        match &self.way {
            Way::ObjectFile(place) => place.send(parcel, &self.guard).await,
            Way::Webhook(receiver) => receiver.send(parcel, &self.guard).await,
            Way::Email(mailbox) => mailbox.send(parcel, &self.guard).await,
            Way::Crm(crm) => crm.send(parcel, &self.guard).await,
            Way::Tropo(application) => application.send(parcel, &self.guard).await,
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.way {
            Way::ObjectFile(_) => Kind::ObjectStore,
            Way::Webhook(_) => Kind::Webhook,
            Way::Email(_) => Kind::Email,
            Way::Crm(_) => Kind::Crm,
            Way::Tropo(_) => Kind::Tropo,
        };
        f.debug_struct("Target").field("kind", &kind).finish_non_exhaustive()
    }
}

/// A URL of http or https that the guard does not refuse at once.
pub(crate) fn web_url(text: &str, guard: &Guard) -> Result<Url, SettingsError> {
    url_of(text, "/url", &[Scheme::Https, Scheme::Http], guard).map(|(url, _)| url)
}

/// A URL of one of these schemes that the guard does not refuse at once.
pub(crate) fn url_of(
    text: &str,
    pointer: &str,
    schemes: &[Scheme],
    guard: &Guard,
) -> Result<(Url, Destination), SettingsError> {
    let wrong = |why: String| SettingsError::new(pointer, format!("{:?}: {why}", shown(text)));
    let url = Url::parse(text).map_err(|error| wrong(format!("it is no URL: {error}")))?;
    let to = Destination::of(&url).map_err(wrong)?;
    if !schemes.contains(&to.scheme()) {
        return Err(wrong(format!("`{}` does not fit this kind", url.scheme())));
    }
    guard.check(&to).map_err(|refused| wrong(refused.to_string()))?;
    Ok((url, to))
}

/// A URL without what could be a secret in it.
fn shown(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.chars().take(200).collect() };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string().chars().take(200).collect()
}
