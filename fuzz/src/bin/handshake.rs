//! `POST /v1/dispositions` and the pixel: the first line is the query, the rest the body.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_dialects::handshake::{PostingContext, read};
use sessionary_fuzz::{CONTEXT, LIMITS, holds};

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (query, body) = bytes.split_at(end);
    let query = String::from_utf8_lossy(query);
    let context = PostingContext { key: CONTEXT, ..PostingContext::default() };
    let posting = || read(&query, body, &LIMITS);
    let outcome = posting().and_then(|posting| posting.decode(&context));
    outcome.into_iter().for_each(|decoded| holds(decoded.signal));
    let visit = posting().and_then(|posting| posting.decode_visit(&context));
    visit.into_iter().for_each(holds);
});
