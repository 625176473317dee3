//! JSON text, cut into its values without making anything of them.
//!
//! The scanner goes over a text once and checks what it goes over: it passes exactly what
//! `serde_json` passes as a raw value, unless a bound says no.
use std::borrow::Cow;

use serde_json::value::RawValue;

/// The text of one JSON value, without space around it. Invariant: it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonText<'a> {
    text: &'a str,
    /// Whether a text has a backslash in it; of other values it says nothing.
    escaped: bool,
}

impl<'a> JsonText<'a> {
    /// The text.
    #[inline]
    pub fn get(self) -> &'a str {
        self.text
    }

    /// Whether it is `null`.
    #[inline]
    pub fn is_null(self) -> bool {
        self.text == "null"
    }

    /// What a JSON text says, or the digits of a number or the word of a truth value; ids are sent
    /// as numbers, too. `None` for objects and lists, and for text that is none, as half a
    /// surrogate pair.
    #[inline]
    pub fn plain_text(self) -> Option<Cow<'a, str>> {
        match self.text.as_bytes().first()? {
            b'"' if self.escaped => serde_json::from_str(self.text).ok().map(Cow::Owned),
            b'"' => self.text.get(1..self.text.len() - 1).map(Cow::Borrowed),
            b'{' | b'[' => None,
            _ => Some(Cow::Borrowed(self.text)),
        }
    }
}

impl<'a> From<&'a RawValue> for JsonText<'a> {
    fn from(raw: &'a RawValue) -> JsonText<'a> {
        JsonText { text: raw.get(), escaped: raw.get().contains('\\') }
    }
}

/// How much a value may hold before the scanner gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Objects and lists inside one another; 128 at most, as the scanner goes into them.
    pub depth: usize,
    /// Members of one object.
    pub members: usize,
    /// Bytes of one text, as it is spelt.
    pub text_bytes: usize,
}

/// A place in a JSON text. Every method gives `None` where the text is no JSON or beyond a bound;
/// the scanner then stands somewhere, and is of no more use until it is set back.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    bounds: Bounds,
    depth: usize,
}

/// How far an object or a list was gone through.
#[derive(Debug, Default)]
pub struct Passed(usize);

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of `text`.
    pub fn new(text: &'a str, bounds: Bounds) -> Scanner<'a> {
        let bounds = Bounds { depth: bounds.depth.min(128), ..bounds };
        Scanner { text, at: 0, bounds, depth: 0 }
    }

    /// Where it stands, in bytes.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    /// How many bytes lie before it.
    pub fn left(&self) -> usize {
        self.text.len().saturating_sub(self.at)
    }

    /// Sets it back to where it stood, outside of any value.
    pub fn set_back(&mut self, at: usize) {
        self.at = at;
        self.depth = 0;
    }

    /// What lies between a place where it stood and where it stands.
    #[inline]
    pub fn since(&self, at: usize) -> &'a str {
        self.text.get(at..self.at).unwrap_or_default()
    }

    /// The byte that comes next.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes the next byte if it is this one.
    #[inline]
    pub fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over white space.
    #[inline]
    pub fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes into an object or a list, whose bracket comes next.
    #[inline]
    pub fn open(&mut self, bracket: u8) -> Option<Passed> {
        if self.depth == self.bounds.depth || !self.take(bracket) {
            return None;
        }
        self.depth += 1;
        Some(Passed(0))
    }

    /// Reads the object that comes next: hands on the name of each member, whose value `member` must
    /// read. `None`: no object, or `member` gave up.
    #[inline]
    pub fn members(
        &mut self,
        mut member: impl FnMut(Cow<'a, str>, &mut Scanner<'a>) -> Option<()>,
    ) -> Option<()> {
        let mut passed = self.open(b'{')?;
        while let Some(name) = self.name(&mut passed)? {
            member(name.plain_text()?, self)?;
        }
        Some(())
    }

    /// The name of the object's next member, whose value comes next; `Some(None)` at its end.
    #[inline]
    pub fn name(&mut self, passed: &mut Passed) -> Option<Option<JsonText<'a>>> {
        if !self.more(b'}', passed)? {
            return Some(None);
        }
        if passed.0 > self.bounds.members || self.peek() != Some(b'"') {
            return None;
        }
        let name = self.text()?;
        self.space();
        if !self.take(b':') {
            return None;
        }
        self.space();
        Some(Some(name))
    }

    /// Whether the list has one more value, which then comes next.
    #[inline]
    pub fn item(&mut self, passed: &mut Passed) -> Option<bool> {
        self.more(b']', passed)
    }

    #[inline]
    fn more(&mut self, end: u8, passed: &mut Passed) -> Option<bool> {
        self.space();
        if self.take(end) {
            self.depth -= 1;
            return Some(false);
        }
        if passed.0 > 0 {
            if !self.take(b',') {
                return None;
            }
            self.space();
        }
        passed.0 += 1;
        Some(true)
    }

    /// Passes over the value that comes next.
    #[inline]
    pub fn value(&mut self) -> Option<JsonText<'a>> {
        let start = self.at;
        match self.peek()? {
            b'"' => return self.text(),
            b'{' => self.object()?,
            b'[' => self.list()?,
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => self.literal("null")?,
            _ => self.number()?,
        }
        Some(JsonText { text: self.text.get(start..self.at)?, escaped: false })
    }

    fn object(&mut self) -> Option<()> {
        let mut passed = self.open(b'{')?;
        while self.name(&mut passed)?.is_some() {
            self.value()?;
        }
        Some(())
    }

    fn list(&mut self) -> Option<()> {
        let mut passed = self.open(b'[')?;
        while self.item(&mut passed)? {
            self.value()?;
        }
        Some(())
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        let is_next = self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes());
        self.at += word.len();
        is_next.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        } else if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    #[inline]
    fn text(&mut self) -> Option<JsonText<'a>> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        let mut escaped = false;
        loop {
            at = special(bytes, at);
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    at = escape(bytes, at)?;
                }
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        let is_short = at - start <= self.bounds.text_bytes.saturating_add(1);
        let text = self.text.get(start..=at).filter(|_| is_short)?;
        Some(JsonText { text, escaped })
    }
}

/// The first place from `at` on where a text ends, escapes or breaks off; or one with fewer than
/// eight bytes behind it.
#[inline]
fn special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        // Marks each byte that is zero, and perhaps some behind the first that is.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = control | zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c));
        let found = found & (ONES << 7);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = behind;
    }
    at
}

/// The place behind an escape.
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => {
            let digits = bytes.get(at + 2..at + 6)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 6)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { depth: 64, members: 512, text_bytes: 65_536 };

    fn scan(text: &str, bounds: Bounds) -> Option<&str> {
        let mut scanner = Scanner::new(text, bounds);
        scanner.space();
        let value = scanner.value()?;
        scanner.space();
        scanner.peek().is_none().then_some(value.get())
    }

    fn check(text: &str) {
        let expected = serde_json::from_str::<&RawValue>(text).ok();
        assert_eq!(scan(text, BOUNDS), expected.map(RawValue::get), "{text:?}");
        let says = expected.map(|raw| JsonText::from(raw).plain_text());
        let mut scanner = Scanner::new(text.trim_ascii_start(), BOUNDS);
        let found = scanner.value().map(JsonText::plain_text);
        assert!(says.is_none() || found == says, "{text:?}: {found:?} and {says:?}");
    }

    #[test]
    fn numbers_texts_and_words_are_those_of_json() {
        for text in [
            "0",
            "-0",
            "01",
            "-",
            "1.",
            ".5",
            "1.50",
            "1e5",
            "1E+05",
            "1e",
            "1e-",
            "+1",
            "--1",
            "1e999",
            "true",
            "tru",
            "truex",
            "nul",
            "null",
            "false",
            "\"\"",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\u00e9\\n\"",
            "\"\\x\"",
            "\"\u{1f}\"",
            "\"\u{7f}\"",
            "\"1234567\u{1}\"",
            "\"1234567ä\"",
            "[",
            "[]",
            "[ ]",
            "[,]",
            "[1,]",
            "[1 2]",
            "{}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{ \"a\" : [ { } , 1 ] }",
            "{a:1}",
            "",
            " ",
            "1 2",
        ] {
            check(text);
        }
    }

    #[test]
    fn what_is_just_small_enough_passes_and_one_more_does_not() {
        let bounds = Bounds { depth: 2, members: 2, text_bytes: 4 };
        for good in [r#"{"a":[1],"b":"ab\""}"#, r#""abcd""#, "[[],[]]", r#"[{},{"a":1,"b":2}]"#] {
            assert_eq!(scan(good, bounds), Some(good));
        }
        for over in [r#"{"a":[[1]]}"#, r#"{"a":1,"b":2,"c":3}"#, r#""abcde""#, r#"{"abcde":1}"#] {
            assert_eq!(scan(over, bounds), None, "{over}");
        }
    }

    proptest! {
        #[test]
        fn it_passes_what_serde_json_passes(
            text in "([\\[\\]{},:\" ]|\"[a-z\\\\/nu0-9\"ä]{0,9}\"|\"a\":|-?[0-9.eE+-]{1,4}|true|null|\\PC){0,24}",
        ) {
            check(&text);
        }

        #[test]
        fn it_passes_every_document(pieces in proptest::collection::vec("[a-z\"\\\\\u{1}ä]{0,20}", 1..5)) {
            let document = serde_json::json!({"a": pieces, "b": [{"c": pieces.first()}], "d": 1.5});
            check(&document.to_string());
            check(&serde_json::to_string_pretty(&document).unwrap());
        }
    }
}
