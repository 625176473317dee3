//! The list of crawlers as the build found it (`build/crawlers.rs`), in our classes.
use super::{BotClass, BotPattern};

/// Every line; empty if the build found no list.
const TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/crawlers.txt"));

/// What divides the parts of a line.
const DIVIDER: char = '\u{1f}';

/// Patterns of those that fetch a page because a person asked an assistant for it; the list has no
/// tag for them.
const ASSISTANTS: [&str; 14] = [
    "Amzn-User",
    "ChatGPT-User",
    "Claude-User",
    "Claude-Web",
    "Devin",
    "DuckAssistBot",
    "Gemini-Deep-Research",
    "Google-NotebookLM",
    "IsonAI-User",
    "MistralAI-User",
    "Perplexity-User",
    "PerplexityUser",
    "cohere-ai",
    "kagi-fetcher",
];

/// Whether the build found the list.
pub(crate) const fn known() -> bool {
    !TEXT.is_empty()
}

/// The patterns, in the order of the list.
pub(super) fn patterns() -> impl Iterator<Item = BotPattern> {
    TEXT.lines().filter_map(|line| {
        let (tags, pattern) = line.split_once(DIVIDER)?;
        Some(BotPattern { class: class(tags, pattern), pattern: pattern.into() })
    })
}

fn class(tags: &str, pattern: &str) -> BotClass {
    if ASSISTANTS.contains(&pattern) {
        BotClass::AiAssistant
    } else if tags.split(' ').any(|tag| tag == "monitoring") {
        BotClass::Monitor
    } else {
        BotClass::Bot
    }
}

/// User agents that the list gives as examples.
#[cfg(test)]
pub(super) fn examples() -> impl Iterator<Item = &'static str> {
    include_str!(concat!(env!("OUT_DIR"), "/crawler_examples.txt")).lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assistant_is_in_the_list() {
        let classes: Vec<BotClass> = patterns().map(|rule| rule.class).collect();
        let count = |class| classes.iter().filter(|of| **of == class).count();
        assert_eq!(count(BotClass::AiAssistant), ASSISTANTS.len());
        assert_eq!((count(BotClass::Monitor), count(BotClass::Bot)), (216, 1_274));
    }
}
