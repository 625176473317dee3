//! What was found lately, by text: of what is asked for again, the answer stays, and memory is
//! bounded.
use std::collections::HashMap;

/// Answers of one generation; there are two.
pub(crate) const KEPT: usize = 4_096;

/// Answers that were given lately: those of this generation and of the one before it.
pub(crate) struct Lately<Answer> {
    young: HashMap<Box<str>, Answer>,
    old: HashMap<Box<str>, Answer>,
}

impl<Answer> Default for Lately<Answer> {
    fn default() -> Lately<Answer> {
        Lately { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<Answer: Clone> Lately<Answer> {
    pub(crate) fn get(&mut self, text: &str) -> Option<Answer> {
        if let Some(known) = self.young.get(text) {
            return Some(known.clone());
        }
        let known = self.old.get(text)?.clone();
        self.put(text, known.clone());
        Some(known)
    }

    pub(crate) fn put(&mut self, text: &str, answer: Answer) {
        if self.young.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text.into(), answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_again_stays_and_memory_is_bounded() {
        let mut lately = Lately::default();
        for number in 0..3 * KEPT {
            lately.put(&number.to_string(), number);
            assert_eq!(lately.get("0"), Some(0));
        }
        assert!(lately.young.len() <= KEPT && lately.old.len() <= KEPT);
        assert_eq!(lately.get("1"), None);
    }
}
