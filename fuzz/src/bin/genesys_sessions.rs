//! Whole sessions of Genesys Cloud Journey, and definitions of outcomes and segments.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::genesys::{decode_sessions, definitions::Wish};
use sessionary_fuzz::{CONTEXT, holds};

fuzz_target!(|body: &[u8]| {
    for (_, signals) in decode_sessions(body, &CONTEXT).into_iter().flatten() {
        signals.into_iter().flatten().for_each(holds);
    }
    let _wish = Wish::read(body);
});
