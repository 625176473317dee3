//! The decoders of files behind one face: rows of signals, or what is wrong with a row.
use std::io::{BufRead, Read};

use sessionary_core::signal::Signal;
use sessionary_dialects::{
    Context, Limits,
    access_log::{AccessLog, AccessLogSettings, Only},
    canonical,
    identical::Identical,
    mapping::Mapping,
};

/// How a file is read.
pub(crate) enum Decoder {
    /// As an access log.
    AccessLog(AccessLogSettings, Only),
    /// By a mapping.
    Mapping(Box<Mapping>),
    /// As signals of our own form, one a line.
    OwnForm {
        /// Name space of signals that name none.
        source: String,
    },
}

/// A row and its signals; none where all were filtered out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Number of the row, from 1.
    pub(crate) row: u64,
    /// What it made.
    pub(crate) signals: Vec<Signal>,
}

/// A row that makes no signal, and why: a sentence that names the row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

type Items = Box<dyn Iterator<Item = Result<Item, Unreadable>>>;

impl Decoder {
    /// The rows of a file, in its order.
    pub(crate) fn items(self, reader: Box<dyn BufRead>) -> anyhow::Result<Items> {
        Ok(match self {
            Decoder::AccessLog(settings, only) => {
                let mut log = AccessLog::new(settings);
                Box::new(Lines::new(reader).filter_map(move |line| {
                    let (row, bytes) = match line {
                        Ok(line) => line,
                        Err(fault) => return Some(Err(fault)),
                    };
                    match log.decode(row, &bytes) {
                        Ok(signal) => {
                            let signal = signal.filter(|signal| only.keeps(signal));
                            signal.map(|signal| Ok(Item { row, signals: vec![signal] }))
                        }
                        Err(error) => Some(Err(Unreadable(error.to_string()))),
                    }
                }))
            }
            Decoder::Mapping(mapping) => Box::new(mapping.read(reader)?.map(|row| match row {
                Ok(row) => Ok(Item { row: row.row, signals: row.signals }),
                Err(error) => Err(Unreadable(error.to_string())),
            })),
            Decoder::OwnForm { source } => {
                let mut identical = Identical::default();
                Box::new(Lines::new(reader).filter_map(move |line| match line {
                    Err(fault) => Some(Err(fault)),
                    Ok((_, bytes)) if bytes.trim_ascii().is_empty() => None,
                    Ok((row, bytes)) => Some(own_form(row, &bytes, &source, &mut identical)),
                }))
            }
        })
    }
}

fn own_form(
    row: u64,
    line: &[u8],
    source: &str,
    identical: &mut Identical,
) -> Result<Item, Unreadable> {
    let fault = |error: &dyn std::error::Error| Unreadable(format!("line {row}: {error}"));
    let context = Context { source, limits: Limits::default(), ..Context::default() };
    let items = canonical::decode(line, &context).map_err(|error| fault(&error))?;
    let signals = items.into_iter().map(|signal| {
        let mut signal = signal.map_err(|error| fault(&error))?;
        if signal.key == signal.derived_key() {
            signal.key = identical.key(&signal);
        }
        Ok(signal)
    });
    Ok(Item { row, signals: signals.collect::<Result<_, _>>()? })
}

/// Longest line that is read; a longer one is told and passed over.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// Lines with their numbers; after an error of the file there is no next.
struct Lines {
    reader: Box<dyn BufRead>,
    row: u64,
    ended: bool,
}

impl Lines {
    fn new(reader: Box<dyn BufRead>) -> Lines {
        Lines { reader, row: 0, ended: false }
    }

    fn pass_over_the_rest(&mut self) -> std::io::Result<()> {
        loop {
            let mut part = Vec::new();
            let read = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut part)?;
            if read == 0 || part.ends_with(b"\n") {
                return Ok(());
            }
        }
    }

    fn line(&mut self) -> std::io::Result<Option<Result<Vec<u8>, Unreadable>>> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.row += 1;
        if line.ends_with(b"\n") || line.len() < 4 << 20 {
            return Ok(Some(Ok(line)));
        }
        self.pass_over_the_rest()?;
        let row = self.row;
        Ok(Some(Err(Unreadable(format!("line {row}: longer than {LINE_BYTES_MAX} bytes")))))
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>), Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.line() {
            Ok(line) => line.map(|line| line.map(|bytes| (self.row, bytes))),
            Err(error) => {
                self.ended = true;
                Some(Err(Unreadable(format!("after line {}: {error}", self.row))))
            }
        }
    }
}
