//! Status events and metadata files of CCAI Platform.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::ccai::{decode_events, decode_metadata};
use sessionary_fuzz::{CONTEXT, holds};

fuzz_target!(|body: &[u8]| {
    for item in decode_events(body, &CONTEXT).into_iter().flatten() {
        item.into_iter().for_each(holds);
    }
    for item in decode_metadata(body, &CONTEXT).into_iter().flatten() {
        item.into_iter().flatten().for_each(holds);
    }
});
