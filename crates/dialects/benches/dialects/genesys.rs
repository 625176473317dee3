//! Web events and sessions of Genesys Cloud Journey.
use sessionary_core::time::UnixMillis;
use sessionary_dialects::genesys::{EventContext, decode_sessions, decode_web};

use crate::{CONTEXT, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        ("genesys web event", WEB_EVENT.to_owned(), web_event),
        ("genesys session", SESSION.to_owned(), session),
    ]
}

fn web_event(body: &[u8]) -> usize {
    usize::from(decode_web(body, &EVENT).is_ok())
}

fn session(body: &[u8]) -> usize {
    decode_sessions(body, &CONTEXT).unwrap().len()
}

const EVENT: EventContext<'_> =
    EventContext { key: CONTEXT, deployment: 2, received_at: UnixMillis(1_767_607_200_000) };

const WEB_EVENT: &str = r#"{"customerCookieId":"5f2c7f1e-0c8e-4a57-9d0e-2f7b4b0d7a10","eventName":"product_added","createdDate":"2026-01-05T10:00:07.123Z","page":{"url":"https://shop.example.com/p/7?utm_source=newsletter&utm_medium=email","title":"Trail shoe"},"userAgentString":"Mozilla/5.0 (X11; Linux x86_64; rv:134.0) Gecko/20100101 Firefox/134.0","browser":{"family":"Firefox","version":"134.0","lang":"en-GB"},"device":{"category":"desktop","type":"PC","osFamily":"Linux","osVersion":"6"},"referrerUrl":"https://www.example.org/search?q=running","attributes":{"price":{"dataType":"Number","value":"89.90"},"sku":{"dataType":"String","value":"SKU-1"}},"traits":{"givenName":{"dataType":"String","value":"Penny"}}}"#;
const SESSION: &str = include_str!("../../../../data/golden/genesys/session.json");
