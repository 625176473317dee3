//! Sessions and results of the Tropo platform.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::tropo::{encode, read, text_of};
use sessionary_fuzz::{CONTEXT, holds};

fuzz_target!(|body: &[u8]| {
    let Ok(posted) = read(&text_of(body), &CONTEXT) else { return };
    for signal in posted.signals {
        let _told = encode(&signal);
        holds(signal);
    }
});
