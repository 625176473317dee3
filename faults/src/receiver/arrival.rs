//! What arrives at a receiver, and whether it is signed as it must be.
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;
use serde_json::Value;

use crate::json::at;

/// What a receiver said to a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A 2xx.
    Taken,
    /// Another status.
    Status(u16),
    /// Nothing.
    Silence,
}

/// A parcel that came.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Which destination it came to.
    pub destination: usize,
    /// The id of the parcel.
    pub id: String,
    /// The session that it tells of.
    pub session: String,
    /// The revision of its record.
    pub revision: u64,
    /// Whether its signature is that of its id, its instant and its body.
    pub is_signed: bool,
    /// How many servers had been killed when the one that sent it was started.
    pub epoch: u64,
    /// When, since the receivers began.
    pub at: Duration,
    /// What was answered.
    pub answer: Answer,
}

/// The headers that Standard Webhooks names.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) id: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(super) length: usize,
}

impl Headers {
    /// Reads the head of a request.
    pub(super) fn parse(head: &str) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim().to_owned();
            match name.to_ascii_lowercase().as_str() {
                "webhook-id" => headers.id = value,
                "webhook-timestamp" => headers.timestamp = value,
                "webhook-signature" => headers.signature = value,
                "content-length" => headers.length = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        headers
    }

    /// Whether one of the signatures is that of a key.
    pub(super) fn is_signed(&self, key: &[u8], body: &[u8]) -> bool {
        let mut signed = format!("{}.{}.", self.id, self.timestamp).into_bytes();
        signed.extend_from_slice(body);
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let given = self.signature.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        given
            .filter_map(|one| BASE64_STANDARD.decode(one).ok())
            .any(|tag| hmac::verify(&key, &signed, &tag).is_ok())
    }
}

/// The session and the revision that a message tells of.
pub(super) fn told(body: &[u8]) -> (String, u64) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let session = at(&body, "/data/id").as_str().unwrap_or_default().to_owned();
    (session, at(&body, "/data/revision").as_u64().unwrap_or(0))
}

/// The bytes of a secret such as `whsec_…`.
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published example of the specification's libraries.
    #[test]
    fn the_published_example_is_signed_and_another_body_is_not() {
        let key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers = Headers::parse(
            "POST / HTTP/1.1\r\nWebhook-Id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\n\
             webhook-timestamp: 1614265330\r\ncontent-length: 21\r\n\
             webhook-signature: v1a,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n",
        );
        assert_eq!(headers.length, 21);
        assert!(headers.is_signed(&key, br#"{"test": 2432232314}"#));
        assert!(!headers.is_signed(&key, br#"{"test": 2432232315}"#));
        assert!(!headers.is_signed(b"another key", br#"{"test": 2432232314}"#));
    }
}
