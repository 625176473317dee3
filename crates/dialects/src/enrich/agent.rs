//! Browser, system and device of a user agent, by the rules of uap-core.
//!
//! A function of the text. Answers are kept, because visitors share few agents; how much a text
//! that nobody has seen may cost is bounded in bytes, in rules and in memory ([`search`]).
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::lately::Lately;

mod category;
mod needles;
mod rules;
mod search;

pub use category::Category;
use search::{Found, List};

/// Longer texts are read up to here, in bytes; the longest of uap-core's 18,000 has 492.
pub const TEXT_BYTES: usize = 1_024;

/// What a user agent says. Parts that no rule knows are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// The program, such as `Mobile Safari` 17.4.
    pub browser: Option<Product>,
    /// The operating system, such as `iOS` 17.4.1.
    pub system: Option<Product>,
    /// The device, such as `iPhone`.
    pub device: Option<Device>,
    /// What sort of thing it is.
    pub category: Category,
}

/// A named thing with a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Its name.
    pub family: Box<str>,
    /// Major, minor, patch and what comes after.
    pub version: [Option<Box<str>>; 4],
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its name, such as `Samsung SM-G900P`.
    pub family: Box<str>,
    /// Who made it.
    pub brand: Option<Box<str>>,
    /// The maker's name for it.
    pub model: Option<Box<str>>,
}

impl Product {
    /// The parts of the version that are known, joined by dots; empty if none is.
    pub fn version_text(&self) -> String {
        let known = self.version.iter().map_while(Option::as_deref);
        known.collect::<Vec<_>>().join(".")
    }
}

/// Whether this build carries rules; without them every agent is unknown.
pub fn has_rules() -> bool {
    !rules::TEXT.is_empty()
}

/// Reads a user agent.
pub fn agent(text: &str) -> Arc<Agent> {
    let text = cut(text.trim());
    if let Some(known) = lock(&ANSWERS).get(text) {
        return known;
    }
    let answer = Arc::new(lock(&READER).read(text));
    lock(&ANSWERS).put(text, answer.clone());
    answer
}

/// The text up to the limit, whole characters only.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES)).unwrap_or(text)
}

/// Rules are compiled when the first agent is read. One thread at a time reads an unknown one, so
/// that compiled rules and their scratch memory are there once.
static READER: LazyLock<Mutex<Reader>> = LazyLock::new(|| Mutex::new(Reader::new(rules::TEXT)));
static ANSWERS: LazyLock<Mutex<Lately<Arc<Agent>>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The three lists of rules.
struct Reader {
    browsers: List,
    systems: List,
    devices: List,
}

impl Reader {
    fn new(text: &'static str) -> Reader {
        let list = |letter| List::new(rules::of_list(text, letter));
        Reader { browsers: list('b'), systems: list('o'), devices: list('d') }
    }

    fn read(&mut self, text: &str) -> Agent {
        let folded = text.to_ascii_lowercase();
        let browser = self.browsers.first(text, &folded).and_then(|found| product(&found));
        let system = self.systems.first(text, &folded).and_then(|found| product(&found));
        let device = self.devices.first(text, &folded).and_then(|found| device(&found));
        let category = category::of(&folded, system.as_ref(), device.as_ref());
        Agent { browser, system, device, category }
    }
}

/// A rule of browsers or systems gives the family, then the version part by part; what it does not
/// say is the group of that place.
fn product(found: &Found<'_>) -> Option<Product> {
    let family = found.part(0, Some(1))?;
    let version = [1, 2, 3, 4].map(|part| found.part(part, Some(part + 1)));
    Some(Product { family, version })
}

/// A rule of devices gives the name, the maker and the model.
fn device(found: &Found<'_>) -> Option<Device> {
    let family = found.part(0, Some(1))?;
    Some(Device { family, brand: found.part(1, None), model: found.part(2, Some(1)) })
}

#[cfg(test)]
mod tests;
