//! A line of an access log.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::access_log::{AccessLog, AccessLogSettings};
use sessionary_fuzz::holds;

fuzz_target!(|bytes: &[u8]| {
    let mut log = AccessLog::new(AccessLogSettings::default());
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        log.decode(line, text).into_iter().flatten().for_each(holds);
    }
});
