//! Logs: one line an event on standard error, JSON unless a person reads it.
use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

/// The variable that says what is logged, such as `debug` or `sessionary_store=debug,info`.
const VARIABLE: &str = "SESSIONARY_LOG";

/// Begins to log what is at least at `level`, or what the variable asks for.
pub(crate) fn start(level: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Somebody who logs already goes on doing so.
    let _ = if std::io::stderr().is_terminal() {
        lines.with_ansi(true).try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
}
