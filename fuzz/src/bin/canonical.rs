//! `POST /v1/signals`.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::canonical;
use sessionary_fuzz::{CONTEXT, holds};

fuzz_target!(|body: &[u8]| {
    for item in canonical::decode(body, &CONTEXT).into_iter().flatten() {
        item.into_iter().for_each(holds);
    }
});
