//! `sessionary tail`: what happens on a running server, one line an event.
use std::{
    io::{BufRead, BufReader, Write},
    time::Duration,
};

use serde_json::Value;

use crate::{arguments::Tail, client::Client, logging};

/// Follows until it is interrupted; goes on when the server comes back.
#[expect(clippy::print_stderr, reason = "a person waits at the terminal")]
pub(crate) fn run(arguments: &Tail) -> anyhow::Result<()> {
    logging::start("warn");
    let client = Client::new(&arguments.remote.url, arguments.remote.key.as_deref())?;
    let shown: Shown = if arguments.json { |_, data| data.to_owned() } else { one_line };
    // What is wrong at the start is told; what goes wrong later passes.
    let mut stream = Some(client.stream("/v1/live")?);
    loop {
        if let Some(open) = stream.take() {
            follow(BufReader::new(open), shown)?;
            eprintln!("the stream ended; trying again");
        }
        std::thread::sleep(Duration::from_secs(1));
        stream = client.stream("/v1/live").ok();
    }
}

/// How an event of this name and data is shown.
type Shown = fn(&str, &str) -> String;

/// Prints events until the stream ends. An error is that of standard output.
fn follow(lines: impl BufRead, shown: Shown) -> anyhow::Result<()> {
    let (mut name, mut data) = (String::new(), String::new());
    for line in lines.lines() {
        let Ok(line) = line else { return Ok(()) };
        if let Some(value) = line.strip_prefix("event:") {
            value.trim().clone_into(&mut name);
        } else if let Some(value) = line.strip_prefix("data:") {
            data.push_str(value.trim());
        } else if line.is_empty() && !(name.is_empty() && data.is_empty()) {
            writeln!(std::io::stdout().lock(), "{}", shown(&name, &data))?;
            name.clear();
            data.clear();
        }
    }
    Ok(())
}

fn one_line(name: &str, data: &str) -> String {
    let data: Value = serde_json::from_str(data).unwrap_or(Value::Null);
    let session = data.get("session").unwrap_or(&data);
    let text = |pointer: &str| match session.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    format!(
        "{name:<16} {} {:<10} {:<9} {:>5} events  {}",
        text("/id"),
        text("/type"),
        text("/status"),
        text("/event_count"),
        text("/disposition/name"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let data = r#"{"event":"session_opened","session":{"id":"s","type":"website","status":"open","event_count":1,"disposition":{"name":"Bounce"}}}"#;
        let line = one_line("session_opened", data);
        assert_eq!(line, "session_opened   s website    open          1 events  Bounce");
    }
}
