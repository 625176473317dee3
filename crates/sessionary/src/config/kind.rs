//! The kinds of values that a setting can have.
use std::{collections::BTreeMap, net::SocketAddr, ops::RangeInclusive, path::PathBuf};

use toml::de::DeValue;
use url::Url;

/// A value as it was given: typed in a file, text in a variable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    File(&'a DeValue<'a>),
    Variable(&'a str),
}

/// A kind of value: how it is read, and how it is written in a file.
pub(super) trait Kind: Sized {
    /// What narrows the kind for one setting.
    type Within;
    /// `None`: it is none of the kind.
    fn read(raw: Raw<'_>, within: &Self::Within) -> Option<Self>;
    /// As it is written in a file.
    fn written(&self) -> String;
    /// What may be given, to stand after "takes" and "send".
    fn takes(within: &Self::Within) -> String;
}

/// A whole number: what it counts, and from where to where.
pub(super) struct Count {
    pub(super) unit: &'static str,
    pub(super) range: RangeInclusive<u64>,
}

impl Kind for u64 {
    type Within = Count;

    fn read(raw: Raw<'_>, within: &Count) -> Option<u64> {
        let number = match raw {
            Raw::File(DeValue::Integer(number)) => {
                u64::from_str_radix(number.as_str(), number.radix()).ok()?
            }
            Raw::File(_) => return None,
            Raw::Variable(text) => text.trim().replace('_', "").parse().ok()?,
        };
        within.range.contains(&number).then_some(number)
    }

    fn written(&self) -> String {
        self.to_string()
    }

    fn takes(within: &Count) -> String {
        let (least, most) = (within.range.start(), within.range.end());
        match (within.unit, *most) {
            ("", most) => format!("a whole number from {least} to {most}"),
            (unit, u64::MAX) => format!("a whole number of {unit}, {least} or more"),
            (unit, most) => format!("a whole number of {unit} from {least} to {most}"),
        }
    }
}

impl Kind for bool {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<bool> {
        match raw {
            Raw::File(value) => value.as_bool(),
            Raw::Variable(text) => text.trim().parse().ok(),
        }
    }

    fn written(&self) -> String {
        self.to_string()
    }

    fn takes((): &()) -> String {
        "true or false".into()
    }
}

impl Kind for SocketAddr {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<SocketAddr> {
        match raw {
            Raw::File(value) => value.as_str()?.parse().ok(),
            Raw::Variable(text) => text.trim().parse().ok(),
        }
    }

    fn written(&self) -> String {
        format!("{:?}", self.to_string())
    }

    fn takes((): &()) -> String {
        "an address and a port such as 127.0.0.1:8080 or [::]:8080".into()
    }
}

/// An address and a port, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) Option<SocketAddr>);

impl Kind for Listen {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<Listen> {
        let text = match raw {
            Raw::File(value) => value.as_str()?,
            Raw::Variable(text) => text,
        };
        if text.trim().is_empty() {
            return Some(Listen(None));
        }
        text.trim().parse().ok().map(|address| Listen(Some(address)))
    }

    fn written(&self) -> String {
        format!("{:?}", self.0.map(|address| address.to_string()).unwrap_or_default())
    }

    fn takes((): &()) -> String {
        "an address and a port such as 127.0.0.1:5433; \"\": none".into()
    }
}

/// A file, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilePath(pub(crate) Option<PathBuf>);

impl Kind for FilePath {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<FilePath> {
        let path = match raw {
            Raw::File(value) => value.as_str()?,
            Raw::Variable(text) => text,
        };
        Some(FilePath((!path.is_empty()).then(|| path.into())))
    }

    fn written(&self) -> String {
        let path = self.0.as_ref().map(|path| path.display().to_string());
        format!("{:?}", path.unwrap_or_default())
    }

    fn takes((): &()) -> String {
        "the path of a file; \"\": none".into()
    }
}

/// A folder or a folder of a bucket, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Location(pub(crate) Option<String>);

/// The schemes of [`Location`] that name a bucket.
const BUCKETS: [&str; 6] = ["s3", "gs", "az", "azure", "abfs", "abfss"];

impl Kind for Location {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<Location> {
        let text = match raw {
            Raw::File(value) => value.as_str()?,
            Raw::Variable(text) => text,
        };
        if text.contains("://") {
            let url = Url::parse(text).ok()?;
            let scheme = url.scheme();
            if scheme != "file" && !BUCKETS.contains(&scheme) {
                return None;
            }
        }
        Some(Location((!text.is_empty()).then(|| text.to_owned())))
    }

    fn written(&self) -> String {
        format!("{:?}", self.0.as_deref().unwrap_or_default())
    }

    fn takes((): &()) -> String {
        "the path of a folder, or s3://bucket/folder, gs://…, az://…, abfss://… or file:///folder, \
         without credentials; \"\": none"
            .into()
    }
}

/// A word of letters, digits, `-`, `_` and `.`, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) Option<String>);

impl Kind for Word {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<Word> {
        let text = match raw {
            Raw::File(value) => value.as_str()?,
            Raw::Variable(text) => text,
        };
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        text.chars().all(is_plain).then(|| Word((!text.is_empty()).then(|| text.to_owned())))
    }

    fn written(&self) -> String {
        format!("{:?}", self.0.as_deref().unwrap_or_default())
    }

    fn takes((): &()) -> String {
        "a word such as eu-central-1; \"\": none".into()
    }
}

/// An `http` or `https` URL, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WebAddress(pub(crate) Option<Url>);

impl Kind for WebAddress {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<WebAddress> {
        let text = match raw {
            Raw::File(value) => value.as_str()?,
            Raw::Variable(text) => text,
        };
        if text.trim().is_empty() {
            return Some(WebAddress(None));
        }
        let url = Url::parse(text.trim()).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
        (is_web && url.fragment().is_none()).then_some(WebAddress(Some(url)))
    }

    fn written(&self) -> String {
        format!("{:?}", self.0.as_ref().map(Url::as_str).unwrap_or_default())
    }

    fn takes((): &()) -> String {
        "a URL such as http://127.0.0.1:7290/ or https://app.example/start; nothing: none".into()
    }
}

/// By what a source's sessions are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceClock {
    /// By our clock.
    Wall,
    /// By its own event times, for streams in order.
    Watermark,
    /// By its own statement of completeness, for imports.
    Mark,
}

const CLOCKS: [(SourceClock, &str); 3] = [
    (SourceClock::Wall, "wall"),
    (SourceClock::Watermark, "watermark"),
    (SourceClock::Mark, "mark"),
];

impl SourceClock {
    fn from_word(word: &str) -> Option<SourceClock> {
        CLOCKS.iter().find(|(_, known)| *known == word).map(|(clock, _)| *clock)
    }

    fn word(self) -> &'static str {
        CLOCKS.iter().find(|(clock, _)| *clock == self).map_or("wall", |(_, word)| word)
    }
}

/// Clocks by source; a source that is not named has `wall`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clocks(pub(crate) BTreeMap<String, SourceClock>);

impl Kind for Clocks {
    type Within = ();

    fn read(raw: Raw<'_>, (): &()) -> Option<Clocks> {
        let clock = |(source, word): (&str, &str)| {
            Some((source.to_owned(), SourceClock::from_word(word.trim())?))
        };
        let clocks: Option<_> = match raw {
            Raw::File(value) => {
                let rows = value.as_table()?.iter();
                rows.map(|(source, word)| clock((source.get_ref(), word.get_ref().as_str()?)))
                    .collect()
            }
            Raw::Variable(text) => {
                let rows = text.split(',').map(str::trim).filter(|row| !row.is_empty());
                rows.map(|row| row.split_once('=').and_then(clock)).collect()
            }
        };
        clocks.map(Clocks)
    }

    fn written(&self) -> String {
        let rows = self.0.iter().map(|(source, clock)| format!("{source:?} = {:?}", clock.word()));
        match rows.collect::<Vec<_>>().join(", ") {
            rows if rows.is_empty() => "{}".into(),
            rows => format!("{{ {rows} }}"),
        }
    }

    fn takes((): &()) -> String {
        "{ source = \"wall\", \"watermark\" or \"mark\", … }; in a variable source=mark,other=wall"
            .into()
    }
}
