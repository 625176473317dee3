//! How much of anything one item may hold, measured in one pass over its text.
//!
//! The pass knows brackets, colons and quotes only. It judges nothing else, so it is right for JSON
//! and harmless for what is not.

/// Limits of a body and of each item in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Items of one body.
    pub items: usize,
    /// Bytes of one item.
    pub item: usize,
    /// Objects and lists inside one another.
    pub depth: usize,
    /// Members of one object.
    pub members: usize,
    /// Bytes of one text, as it is spelt.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { items: 500, item: 1024 * 1024, depth: 64, members: 512, text: 64 * 1024 }
    }
}

/// A limit that an item goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverLimit {
    /// Nested too deeply.
    #[error("objects and lists are nested more than {0} deep; send a flatter item")]
    Depth(usize),
    /// Too many members.
    #[error("an object has more than {0} members; send fewer, or a list")]
    Members(usize),
    /// Text too long.
    #[error("a text is longer than {0} bytes; shorten it")]
    Text(usize),
}

impl OverLimit {
    /// The stable code of the refusal.
    pub fn code(self) -> &'static str {
        match self {
            OverLimit::Depth(_) => "too_deep",
            OverLimit::Members(_) => "too_many_members",
            OverLimit::Text(_) => "text_too_long",
        }
    }
}

/// Measures the JSON text of one item.
///
/// # Errors
/// The first limit that it goes over.
pub fn check(json: &str, limits: &Limits) -> Result<(), OverLimit> {
    let mut members: Vec<usize> = Vec::new();
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if text_length(&mut bytes) > limits.text => {
                return Err(OverLimit::Text(limits.text));
            }
            b'{' | b'[' if members.len() == limits.depth => {
                return Err(OverLimit::Depth(limits.depth));
            }
            b'{' | b'[' => members.push(0),
            b'}' | b']' => drop(members.pop()),
            b':' => {
                let Some(count) = members.last_mut() else { continue };
                *count += 1;
                if *count > limits.members {
                    return Err(OverLimit::Members(limits.members));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Bytes up to the closing quote, which is taken.
fn text_length(bytes: &mut std::str::Bytes<'_>) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => {
                bytes.next();
                length += 2;
            }
            _ => length += 1,
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_just_small_enough_passes_and_one_more_does_not() {
        let limits = Limits { items: 1, item: 99, depth: 2, members: 2, text: 4 };
        let check = |json| check(json, &limits).map_err(OverLimit::code);
        assert_eq!(check(r#"{"a":[1],"b":"ab\""}"#), Ok(()));
        assert_eq!(check(r#"{"a":[[1]]}"#), Err("too_deep"));
        assert_eq!(check(r#"{"a":1,"b":2,"c":3}"#), Err("too_many_members"));
        assert_eq!(check(r#"{"a":"abcde"}"#), Err("text_too_long"));
        assert_eq!(check(r#"{"a":"{[:"}"#), Ok(()));
        assert_eq!(check(r#"}}{"a""#), Ok(()));
    }
}
