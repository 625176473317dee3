//! How wide the terminal is.

/// Columns where nobody says: output goes to a file or another program.
const OTHERWISE: usize = 100;
/// Less than this holds no table.
const LEAST: usize = 40;

/// Columns of the terminal: as `COLUMNS` says, as the terminal says, or 100.
pub(super) fn columns() -> usize {
    let stated = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    stated.or_else(measured).unwrap_or(OTHERWISE).max(LEAST)
}
