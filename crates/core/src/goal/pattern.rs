//! A step of a journey, and whether a signal takes it.
use super::{
    Pattern, Stream,
    criterion::Criterion,
    subject::{Facts, event_word},
};
use crate::{channel::Channel, content::Content};

/// A pattern, ready to be looked for.
#[derive(Debug)]
pub(super) struct Step {
    stream: Stream,
    session: SessionKind,
    event: Option<Box<str>>,
    criteria: Vec<Criterion>,
    count: u32,
}

/// Which sessions a pattern is for.
#[derive(Debug)]
enum SessionKind {
    Any,
    OfStream(Stream),
    OfType(Box<str>),
}

impl Step {
    pub(super) fn of(pattern: &Pattern) -> Step {
        Step {
            stream: pattern.stream,
            session: SessionKind::of(&pattern.session_type),
            event: pattern.event_name.as_deref().map(event_word),
            criteria: pattern.criteria.iter().map(Criterion::of).collect(),
            count: pattern.count.max(1),
        }
    }

    /// How many signals must fit.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Whether a signal on this channel, with these facts, fits in its session.
    pub(super) fn fits(&self, channel: Channel, facts: &Facts<'_>, content: &Content) -> bool {
        self.stream.has(channel)
            && self.session.has(channel, content)
            && self.event.as_deref().is_none_or(|word| facts.is_event(word))
            && self.criteria.iter().all(|one| one.holds(facts))
    }
}

impl SessionKind {
    fn of(word: &str) -> SessionKind {
        match word.to_lowercase().as_str() {
            "" | "custom" => SessionKind::Any,
            "web" => SessionKind::OfStream(Stream::Web),
            "app" => SessionKind::OfStream(Stream::App),
            "conversation" => SessionKind::OfStream(Stream::Conversation),
            other => SessionKind::OfType(other.into()),
        }
    }

    fn has(&self, channel: Channel, content: &Content) -> bool {
        match self {
            SessionKind::Any => true,
            SessionKind::OfStream(stream) => stream.has(content.channel.unwrap_or(channel)),
            SessionKind::OfType(word) => content.session_type().word() == &**word,
        }
    }
}
