//! `POST /v1/batch` and the single calls of Segment's libraries; what was read is told and read again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_core::time::UnixMillis;
use sessionary_dialects::segment::{Moment, encode, read};
use sessionary_fuzz::{CONTEXT, LIMITS, holds};

const MOMENT: Moment<'static> = Moment {
    session: "01900000-0000-7000-8000-000000000000",
    at: UnixMillis(0),
    received_at: UnixMillis(0),
};

fuzz_target!(|body: &[u8]| {
    let Ok(posting) = read(body, &LIMITS) else { return };
    for signal in posting.decode(None, &CONTEXT).into_iter().flatten() {
        let _told = encode(&signal, &MOMENT);
        holds(signal);
    }
});
