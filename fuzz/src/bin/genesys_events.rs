//! Web events, app events and actions of Genesys Cloud Journey.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_core::time::UnixMillis;
use sessionary_dialects::genesys::{EventContext, decode_action, decode_app, decode_web};
use sessionary_fuzz::{CONTEXT, holds};

const EVENT: EventContext<'static> =
    EventContext { key: CONTEXT, deployment: 2, received_at: UnixMillis(1_767_607_200_000) };

fuzz_target!(|body: &[u8]| {
    for decode in [decode_web, decode_app, decode_action] {
        decode(body, &EVENT).into_iter().for_each(holds);
    }
});
