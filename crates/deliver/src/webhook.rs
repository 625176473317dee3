//! A signed POST, by the Standard Webhooks specification.
//!
//! The body is the same in every attempt, the signature is not: it covers the second of the attempt.
mod signature;

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
use signature::Keys;
pub use signature::new_webhook_secret;

/// Nothing can be said besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {}

/// A receiver of webhooks.
#[derive(Debug)]
pub(crate) struct Webhook {
    url: Url,
    keys: Keys,
}

impl Webhook {
    pub(crate) fn open(
        settings: &Settings,
        secret: Option<&Secret>,
        guard: &Guard,
    ) -> Result<Webhook, SettingsError> {
        let url = target::web_url(&settings.url, guard)?;
        let Options {} = settings.options.read()?;
        let keys = secret.map(Secret::expose).unwrap_or_default();
        let keys = Keys::parse(keys).map_err(|why| SettingsError::new("/secret", why))?;
        Ok(Webhook { url, keys })
    }

    pub(crate) async fn send(&self, parcel: &Outgoing<'_>, guard: &Guard) -> Outcome {
        let body = Bytes::from(body(parcel));
        let seconds = parcel.now.0.div_euclid(1_000);
        let signature = self.keys.sign(parcel.id, seconds, &body);
        let request = Request::post(self.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", parcel.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .header("sessionary-hops", parcel.hops)
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

fn body(parcel: &Outgoing<'_>) -> String {
    let event = serde_json::Value::from(parcel.event);
    format!(r#"{{"type":{event},"timestamp":"{}","data":{}}}"#, parcel.at, parcel.body.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::tests::with_record;
    use expect_test::expect;

    #[test]
    fn the_body_is_an_envelope_around_the_record_as_it_is() {
        let record = serde_json::json!({"a": [1, 2.50]});
        expect![[
            r#"{"type":"session.final","timestamp":"2026-01-05T10:07:35.000Z","data":{"a":[1,2.5]}}"#
        ]]
        .assert_eq(&with_record(&record, |values| body(values.parcel)));
    }
}
