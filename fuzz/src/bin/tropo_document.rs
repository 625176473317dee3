//! A document of an application, played: the first line is what the person writes.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sessionary_core::time::UnixMillis;
use sessionary_dialects::tropo::{Beginning, Dialogue, Document};

const NOW: UnixMillis = UnixMillis(1_767_607_200_000);

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (text, document) = bytes.split_at(end);
    let Ok(document) = Document::parse(document) else { return };
    let text = String::from_utf8_lossy(text).into_owned();
    let beginning = Beginning {
        session: "s".into(),
        from: "+16195550108".into(),
        to: "app".into(),
        network: "SMS".into(),
        text: text.clone(),
        at: NOW,
    };
    let mut dialogue = Dialogue::begin(beginning);
    for _ in 0..4 {
        dialogue.take(document.clone());
        let _step = dialogue.run(NOW);
        dialogue.hear(Some(&text), NOW);
        let _step = dialogue.run(NOW);
        let _lines = dialogue.lines();
    }
});
