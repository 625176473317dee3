//! The decoders of files behind one face: rows of signals, or what is wrong with a row.
use std::io::{BufRead, Read};

use sessionary_core::{signal::Signal, time::parse_instant};
use sessionary_dialects::{
    Context, Limits,
    access_log::{AccessLog, AccessLogSettings, Only},
    canonical,
    identical::Identical,
    mapping::{Mapping, RowProblem},
};

/// How a file is read.
#[derive(Debug)]
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

/// A row that makes no signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Number of the row, from 1.
    pub(crate) row: u64,
    /// Why: a sentence that names the row.
    pub(crate) why: String,
    /// The row as it stands in the file, as far as it could be read.
    pub(crate) raw: Vec<u8>,
}

/// What stands in the way of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One row; the next is tried.
    Row(Unreadable),
    /// The file itself; there is no next.
    File(String),
}

type Items = Box<dyn Iterator<Item = Result<Item, Fault>>>;

impl Decoder {
    /// The rows of a file, in its order.
    pub(crate) fn items(self, reader: Box<dyn BufRead>) -> anyhow::Result<Items> {
        let items = self.decoded(reader)?;
        Ok(Box::new(items.map(|item| {
            let mut item = item?;
            item.signals.iter_mut().for_each(make_portable);
            Ok(item)
        })))
    }

    fn decoded(self, reader: Box<dyn BufRead>) -> anyhow::Result<Items> {
        Ok(match self {
            Decoder::AccessLog(settings, only) => {
                let mut log = AccessLog::new(settings);
                Box::new(Lines::new(reader).map(move |line| {
                    let (row, bytes) = line?;
                    match log.decode(row, &bytes) {
                        Ok(signal) => {
                            let signals = signal.into_iter().filter(|signal| only.keeps(signal));
                            Ok(Item { row, signals: signals.collect() })
                        }
                        Err(error) => Err(fault(row, error.to_string(), bytes)),
                    }
                }))
            }
            Decoder::Mapping(mapping) => Box::new(mapping.read(reader)?.map(|row| match row {
                Ok(row) => Ok(Item { row: row.row, signals: row.signals }),
                Err(error) if matches!(error.problem, RowProblem::Broken(_)) => {
                    Err(Fault::File(error.to_string()))
                }
                Err(error) => {
                    Err(fault(error.row, error.to_string(), error.raw.as_bytes().to_vec()))
                }
            })),
            Decoder::OwnForm { source } => {
                let mut identical = Identical::default();
                Box::new(Lines::new(reader).map(move |line| {
                    let (row, bytes) = line?;
                    if bytes.trim_ascii().is_empty() {
                        return Ok(Item { row, signals: Vec::new() });
                    }
                    own_form(&bytes, &source, &mut identical)
                        .map(|signals| Item { row, signals })
                        .map_err(|why| fault(row, format!("line {row}: {why}"), bytes))
                }))
            }
        })
    }
}

/// Leaves out the spelling of an instant that only its file's format has. A signal that goes into a
/// directory is then, to the byte, the one that goes through a server's door.
fn make_portable(signal: &mut Signal) {
    let Some(occurred) = &mut signal.occurred_at else { return };
    let is_own = |text: &str| parse_instant(text).is_ok_and(|instant| instant.at == occurred.at);
    if !occurred.text.as_deref().is_some_and(is_own) {
        occurred.text = None;
    }
}

fn fault(row: u64, why: String, raw: Vec<u8>) -> Fault {
    Fault::Row(Unreadable { row, why, raw })
}

fn own_form(line: &[u8], source: &str, identical: &mut Identical) -> Result<Vec<Signal>, String> {
    let context = Context { source, limits: Limits::default(), ..Context::default() };
    let items = canonical::decode(line, &context).map_err(|error| error.to_string())?;
    let signals = items.into_iter().map(|signal| {
        let mut signal = signal.map_err(|error| error.to_string())?;
        if signal.key == signal.derived_key() {
            signal.key = identical.key(&signal);
        }
        Ok(signal)
    });
    signals.collect()
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
        let why = format!("line {}: longer than {LINE_BYTES_MAX} bytes", self.row);
        Ok(Some(Err(Unreadable { row: self.row, why, raw: line })))
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.line() {
            Ok(line) => {
                line.map(|line| line.map(|bytes| (self.row, bytes)).map_err(Fault::Row))
            }
            Err(error) => {
                self.ended = true;
                Some(Err(Fault::File(format!("after line {}: {error}", self.row))))
            }
        }
    }
}
