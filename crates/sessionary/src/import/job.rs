//! What is to be imported and how it is read, as the flags or the demo say.
use std::path::Path;

use anyhow::{Context, bail};
use sessionary_dialects::{
    access_log::{AccessLogSettings, PageRule},
    mapping::Mapping,
};

use super::{Decoder, Input};
use crate::arguments::{Format, Import, PageStatus};

/// One import.
#[derive(Debug)]
pub(crate) struct Job {
    /// Where the rows come from.
    pub(crate) input: Input,
    /// How they are read.
    pub(crate) decoder: Decoder,
    /// How they are read, in words: two imports of a file that differ here are two imports.
    reading: String,
}

impl Job {
    /// The import that the flags describe.
    pub(crate) fn of(arguments: &Import) -> anyhow::Result<Job> {
        let input = Input::File(arguments.file.clone());
        if let Some(path) = &arguments.mapping {
            return mapped(path, arguments, input);
        }
        let source = arguments.source.clone().unwrap_or_else(|| input.stem());
        let decoder = match arguments.format {
            Format::AccessLog => {
                let unsaid = if arguments.only.pages { PageStatus::Any } else { PageStatus::Shown };
                let settings = AccessLogSettings {
                    visitor: arguments.identity,
                    page: match arguments.page_status.unwrap_or(unsaid) {
                        PageStatus::Shown => PageRule::default(),
                        PageStatus::Any => PageRule::any_status(),
                    },
                    site: arguments.site.as_deref().map(Into::into),
                    source: source.as_str().into(),
                };
                Decoder::AccessLog(settings, arguments.only)
            }
            Format::Csv => {
                bail!("a table needs --mapping FILE; docs/formats/mapping.md describes it")
            }
            Format::Ndjson => Decoder::OwnForm { source },
        };
        let reading = format!("{decoder:?}");
        Ok(Job { input, decoder, reading })
    }

    /// The import of a table by the text of a mapping.
    pub(crate) fn by_mapping(input: Input, text: &str) -> anyhow::Result<Job> {
        let mapping = Mapping::parse(text)?;
        Ok(Job::read_by(input, mapping, text))
    }

    /// The import of an access log as it is read by default, under a source's name.
    pub(crate) fn access_log(input: Input, source: &str) -> Job {
        let settings = AccessLogSettings { source: source.into(), ..AccessLogSettings::default() };
        let decoder =
            Decoder::AccessLog(settings, sessionary_dialects::access_log::Only::default());
        let reading = format!("{decoder:?}");
        Job { input, decoder, reading }
    }

    /// A name that another file, another way of reading it or another place to go does not share.
    pub(crate) fn name(&self, to: &str) -> anyhow::Result<String> {
        let mut hasher = blake3::Hasher::new();
        for part in [&*self.input.digest()?, &self.reading, to] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Ok(hasher.finalize().to_hex().chars().take(32).collect())
    }

    fn read_by(input: Input, mut mapping: Mapping, text: &str) -> Job {
        if mapping.source.is_empty() {
            mapping.source = input.stem().into();
        }
        let reading = format!("mapping {} {text}", mapping.source);
        Job { input, decoder: Decoder::Mapping(Box::new(mapping)), reading }
    }
}

fn mapped(path: &Path, arguments: &Import, input: Input) -> anyhow::Result<Job> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the mapping {} cannot be read", path.display()))?;
    let mut mapping =
        Mapping::parse(&text).with_context(|| format!("mapping {}", path.display()))?;
    let asked = match arguments.format {
        Format::AccessLog => bail!("an access log needs no --mapping"),
        Format::Csv => "csv",
        Format::Ndjson => "ndjson",
    };
    if mapping.format.word() != asked {
        bail!("--format is {asked}, and {} is for {}", path.display(), mapping.format.word());
    }
    if let Some(source) = &arguments.source {
        mapping.source = source.as_str().into();
    }
    Ok(Job::read_by(input, mapping, &text))
}
