//! Messages of a client, out of the bytes of one: what is cut short or says more than there is, is none.
use bytes::Bytes;
use pgwire::messages::{
    PgWireFrontendMessage,
    copy::{CopyData, CopyDone, CopyFail},
    extendedquery::{Bind, Close, Describe, Execute, Flush, Parse, Sync},
    simplequery::Query,
    startup::{Password, PasswordMessageFamily},
    terminate::Terminate,
};

/// The message of a letter and a body. `None`: it is none.
pub(super) fn read(letter: u8, body: &[u8]) -> Option<PgWireFrontendMessage> {
    let mut body = Body(body);
    let message = match letter {
        b'Q' => PgWireFrontendMessage::Query(Query::new(body.text()?)),
        b'P' => PgWireFrontendMessage::Parse(Parse::new(
            body.name()?,
            body.text()?,
            body.many(Body::word)?,
        )),
        b'B' => PgWireFrontendMessage::Bind(body.bind()?),
        b'D' => PgWireFrontendMessage::Describe(Describe::new(body.byte()?, body.name()?)),
        b'E' => {
            PgWireFrontendMessage::Execute(Execute::new(body.name()?, body.word()?.cast_signed()))
        }
        b'C' => PgWireFrontendMessage::Close(Close::new(body.byte()?, body.name()?)),
        b'H' => PgWireFrontendMessage::Flush(Flush::new()),
        b'S' => PgWireFrontendMessage::Sync(Sync::new()),
        b'X' => PgWireFrontendMessage::Terminate(Terminate::new()),
        b'p' => {
            let password = PasswordMessageFamily::Password(Password::new(body.text()?));
            PgWireFrontendMessage::PasswordMessageFamily(password)
        }
        b'd' => PgWireFrontendMessage::CopyData(CopyData::new(Bytes::new())),
        b'c' => PgWireFrontendMessage::CopyDone(CopyDone::new()),
        b'f' => PgWireFrontendMessage::CopyFail(CopyFail::new(String::new())),
        _ => return None,
    };
    (body.0.is_empty() || matches!(letter, b'd' | b'f')).then_some(message)
}

/// A name; none where it is empty.
type Named = Option<String>;
/// A value; none where it is null.
type Value = Option<Bytes>;

/// What is left of a body.
struct Body<'a>(&'a [u8]);

impl Body<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// Two bytes.
    fn half(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// Four bytes.
    fn word(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A text up to its zero.
    fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8(self.take(end)?.to_vec()).ok()?;
        self.take(1)?;
        Some(text)
    }

    /// A name, or the one that is empty.
    fn name(&mut self) -> Option<Named> {
        Some(Some(self.text()?).filter(|name| !name.is_empty()))
    }

    /// As many as are counted before them.
    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.half()?.cast_unsigned();
        (0..count).map(|_| one(self)).collect()
    }

    fn bind(&mut self) -> Option<Bind> {
        let (portal, statement) = (self.name()?, self.name()?);
        let codes = self.many(Body::half)?;
        let values = self.many(Body::value)?;
        Some(Bind::new(portal, statement, codes, values, self.many(Body::half)?))
    }

    /// A value with its length; -1 for none.
    fn value(&mut self) -> Option<Value> {
        let length = self.word()?.cast_signed();
        if length == -1 {
            return Some(None);
        }
        Some(Some(Bytes::copy_from_slice(self.take(usize::try_from(length).ok()?)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_message_is_read_whole_or_not_at_all() {
        let bind = b"p\0s\0\0\x01\0\x01\0\x01\0\0\0\x02ab\0\x01\0\0";
        assert!(matches!(read(b'B', bind), Some(PgWireFrontendMessage::Bind(_))));
        for cut in 0..bind.len() {
            assert!(read(b'B', &bind[..cut]).is_none(), "{cut}");
        }
        assert!(read(b'B', &[&bind[..], b"x"].concat()).is_none());
        assert!(read(b'P', b"\0SELECT 1\0\xff\xff").is_none());
        assert!(read(b'Q', b"\xff\xff\0").is_none(), "no text");
        assert!(read(b'!', b"").is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(letter in any::<u8>(), body in vec(any::<u8>(), 0..64)) {
            let _ = read(letter, &body);
        }
    }
}
