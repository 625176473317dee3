//! A word of an open list, such as the type of a signal: those that we know cost no memory.
use std::{borrow::Borrow, collections::HashSet, fmt, hash::Hash, ops::Deref, sync::LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{dictionary::NameHash, identity, signal::kind};

/// A word. Behaves as its text does; no word is refused.
#[derive(Clone)]
pub struct Word(Text);

#[derive(Clone)]
enum Text {
    Known(&'static str),
    Other(Box<str>),
}

impl Word {
    /// The known word of this text.
    fn known(text: &str) -> Option<Word> {
        static WORDS: LazyLock<HashSet<&'static str, NameHash>> =
            LazyLock::new(|| identity::words().chain(kind::ALL).collect());
        WORDS.get(text).map(|word| Word(Text::Known(word)))
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Known(text) => text,
            Text::Other(text) => text,
        }
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word::known(text).unwrap_or_else(|| Word(Text::Other(text.into())))
    }
}

impl From<Box<str>> for Word {
    fn from(text: Box<str>) -> Word {
        Word::known(&text).unwrap_or(Word(Text::Other(text)))
    }
}

impl Borrow<str> for Word {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Word) -> bool {
        **self == **other
    }
}

impl Eq for Word {}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Word) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Word {
    fn cmp(&self, other: &Word) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Word {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        deserializer.deserialize_str(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_its_text_whether_we_know_it_or_not() {
        for text in ["page_viewed", "cookie", "made_up", ""] {
            let words = [Word::from(text), Word::from(Box::<str>::from(text))];
            for word in words {
                assert_eq!(
                    (&*word, format!("{word:?} {word}")),
                    (text, format!("{text:?} {text}"))
                );
                let bytes = rmp_serde::to_vec(&word).unwrap();
                assert_eq!(bytes, rmp_serde::to_vec(text).unwrap());
                assert_eq!(rmp_serde::from_slice::<Word>(&bytes).unwrap(), word);
            }
        }
        assert!(matches!(Word::from("cookie").0, Text::Known("cookie")));
        assert!(matches!(Word::from("cookies").0, Text::Other(_)));
    }
}
