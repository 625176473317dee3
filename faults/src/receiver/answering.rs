//! One connection of a receiver: requests in, answers out as the dice fall.
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::Ordering,
    time::Duration,
};

use super::{
    FAULTS_MAX, Shared,
    arrival::{Answer, Arrival, Headers, told},
};
use crate::{dice::Dice, load::lock};

/// Heads of requests are shorter.
const HEAD_MAX: usize = 16 << 10;
/// How long a hang lasts at least and at most, in milliseconds.
const HANG_MS: (u64, u64) = (300, 2_000);
/// One hang in so many is longer than a sender waits.
const LONG_HANG: u64 = 20;
/// A hang that is longer than a sender waits.
const LONG: Duration = Duration::from_secs(22);

/// What is done with a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Take,
    /// After so many milliseconds.
    TakeSlowly(u64),
    /// Takes it, and ends the connection with the answer.
    TakeAndClose,
    Redirect,
    TooMany,
    Unavailable,
    /// Breaks off when the body is there.
    Reset,
    /// Ends the connection without a word.
    Close,
    Hang(Duration),
}

impl Deed {
    /// What the dice say to the `time`th arrival of a parcel.
    fn of(dice: &mut Dice, time: u64) -> Deed {
        let roll = dice.below(100);
        if time > FAULTS_MAX {
            return Deed::Take;
        }
        match roll {
            0..=2 => Deed::Redirect,
            3..=5 => Deed::TooMany,
            6..=10 => Deed::Unavailable,
            11..=13 => Deed::Reset,
            14..=15 => Deed::Close,
            16 if dice.one_in(LONG_HANG) => Deed::Hang(LONG),
            16..=17 => Deed::Hang(Duration::from_millis(dice.between(HANG_MS.0, HANG_MS.1))),
            18..=23 => Deed::TakeSlowly(dice.between(20, 400)),
            24..=30 => Deed::TakeAndClose,
            _ => Deed::Take,
        }
    }

    fn answer(self) -> Answer {
        match self {
            Deed::Take | Deed::TakeSlowly(_) | Deed::TakeAndClose => Answer::Taken,
            Deed::Redirect => Answer::Status(307),
            Deed::TooMany => Answer::Status(429),
            Deed::Unavailable => Answer::Status(503),
            Deed::Reset | Deed::Close | Deed::Hang(_) => Answer::Silence,
        }
    }

    /// The bytes of the answer; none: the connection ends.
    fn bytes(self) -> &'static str {
        match self {
            Deed::Take | Deed::TakeSlowly(_) => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Deed::TakeAndClose => {
                "HTTP/1.1 204 No Content\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            }
            Deed::Redirect => {
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
            }
            Deed::TooMany => {
                "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
            }
            Deed::Unavailable => {
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"
            }
            Deed::Reset | Deed::Close | Deed::Hang(_) => "",
        }
    }
}

impl Shared {
    /// Answers requests until either side ends the connection.
    pub(super) fn serve(&self, stream: TcpStream, epoch: u64) {
        let _ = stream.set_nodelay(true);
        let Ok(mut writer) = stream.try_clone() else { return };
        let mut reader = BufReader::new(stream);
        while let Some(headers) = head(&mut reader) {
            let Some(body) = whole_body(&mut reader, &headers) else { return };
            let deed = self.deed(&headers.id);
            match deed {
                Deed::TakeSlowly(ms) => std::thread::sleep(Duration::from_millis(ms)),
                Deed::Hang(time) => {
                    // Noted when it came: the sender may lose patience and send it again meanwhile.
                    self.note(&headers, &body, epoch, Answer::Silence);
                    std::thread::sleep(time);
                    return;
                }
                _ => {}
            }
            let is_late = self.epoch.load(Ordering::Relaxed) != epoch;
            let answer = if is_late { Answer::Silence } else { deed.answer() };
            self.note(&headers, &body, epoch, answer);
            let bytes = deed.bytes();
            if deed == Deed::Reset || bytes.is_empty() || is_late {
                // The last byte was only looked at: closing on what was not read is a reset.
                return;
            }
            let last = reader.read_exact(&mut [0]);
            if last.is_err() || writer.write_all(bytes.as_bytes()).is_err() {
                return;
            }
            if deed == Deed::TakeAndClose {
                return;
            }
        }
    }

    fn deed(&self, id: &str) -> Deed {
        let mut times = lock(&self.times);
        let time = times.entry(id.to_owned()).or_default();
        *time += 1;
        let hash = id.bytes().fold(0_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(5)
        });
        Deed::of(&mut Dice::of(&[self.seed, self.number as u64, hash, *time]), *time)
    }

    fn note(&self, headers: &Headers, body: &[u8], epoch: u64, answer: Answer) {
        let (session, revision) = told(body);
        lock(&self.arrivals).push(Arrival {
            destination: self.number,
            id: headers.id.clone(),
            session,
            revision,
            is_signed: headers.is_signed(&lock(&self.key), body),
            epoch,
            at: self.watch.elapsed(),
            answer,
        });
    }
}

/// The body, of which the last byte stays where it is.
fn whole_body(reader: &mut BufReader<TcpStream>, headers: &Headers) -> Option<Vec<u8>> {
    let mut body = vec![0; headers.length.checked_sub(1)?];
    reader.read_exact(&mut body).ok()?;
    body.push(*reader.fill_buf().ok()?.first()?);
    Some(body)
}

/// The head of the next request; `None` at the end of the connection.
fn head(reader: &mut BufReader<TcpStream>) -> Option<Headers> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 || head.len() > HEAD_MAX {
            return None;
        }
    }
    Some(Headers::parse(&head))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_fault_falls_and_none_after_the_third_arrival() {
        let answers = |time| {
            let deed = |seed| Deed::of(&mut Dice::new(seed), time);
            (0..5_000).map(|seed| std::mem::discriminant(&deed(seed))).collect::<HashSet<_>>()
        };
        assert_eq!((answers(1).len(), answers(FAULTS_MAX).len()), (9, 9));
        assert_eq!(answers(FAULTS_MAX + 1).len(), 1);
        let most =
            (0..5_000).filter(|seed| Deed::of(&mut Dice::new(*seed), 1).answer() == Answer::Taken);
        assert!(most.count() > 3_500, "most is taken at once");
    }
}
