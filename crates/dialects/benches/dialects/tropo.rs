//! Sessions and results of Tropo.
use sessionary_dialects::tropo;

use crate::{CONTEXT, Row};

pub(crate) fn rows() -> Vec<Row> {
    let voice = include_str!("../../../../data/golden/tropo/voice.json");
    let text = include_str!("../../../../data/golden/tropo/text.json");
    vec![
        ("tropo voice session", voice.to_owned(), read),
        ("tropo text session", text.to_owned(), read),
        ("tropo result", RESULT.to_owned(), read),
    ]
}

fn read(body: &[u8]) -> usize {
    tropo::read(&tropo::text_of(body), &CONTEXT).unwrap().signals.len()
}

const RESULT: &str = r#"{"result":{"sessionId":"1aa06515183223ec0894039c2af433f2","callId":"3ba9b6dbb7f1c6c8eb0ea8c4e9f7e8f1","state":"ANSWERED","sessionDuration":20,"sequence":1,"complete":true,"error":null,"calledid":"9991427645","userType":"HUMAN","actions":{"name":"zip","attempts":1,"disposition":"SUCCESS","confidence":100,"interpretation":"92101","utterance":"9 2 1 0 1","value":"92101","concept":"92101","xml":"<?xml version=\"1.0\"?>\r\n<result grammar=\"0@7bc8d6b5.vxmlgrammar\"/>"}}}"#;
