//! An application that was written for Tropo: it is posted the session, as the platform would.
use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::Full;
use serde::Deserialize;
use url::Url;

use crate::{
    client::ANSWER_BYTES_MAX,
    guard::Guard,
    outcome::{Failure, Outcome, Sent},
    parcel::Outgoing,
    secret::Secret,
    settings::{Settings, SettingsError},
    target,
};

/// Nothing can be said besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {}

/// The application. What it answers, documents of its own, is not acted on.
#[derive(Debug)]
pub(crate) struct Application {
    url: Url,
}

impl Application {
    pub(crate) fn open(
        settings: &Settings,
        secret: Option<&Secret>,
        guard: &Guard,
    ) -> Result<Application, SettingsError> {
        let url = target::web_url(&settings.url, guard)?;
        let Options {} = settings.options.read()?;
        match secret {
            Some(_) => Err(SettingsError::new("/secret", "Tropo signs nothing; send no secret")),
            None => Ok(Application { url }),
        }
    }

    pub(crate) async fn send(&self, parcel: &Outgoing<'_>, guard: &Guard) -> Outcome {
        let body = Bytes::copy_from_slice(parcel.bytes());
        let request = Request::post(self.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("sessionary-parcel", parcel.id)
            .body(Full::new(body.clone()));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Failure::new("template", error.to_string()).give_up(),
        };
        match guard.client().exchange(request, ANSWER_BYTES_MAX).await {
            Ok(answer) if answer.status.is_success() => {
                Outcome::Sent(Sent::of(&body).answered(answer.status))
            }
            Ok(answer) => answer.outcome(parcel.now),
            Err(failure) => failure.retry(),
        }
    }
}
