//! The signals that a benchmark sends: a pure function of their number, rendered by patching texts.
//!
//! Ten signals a session, as a shop's page would send them, about 400 bytes each. Rendering copies a
//! text and writes six numbers into it, so that making load costs little beside taking it in.
use std::ops::Range;

use anyhow::Context;

/// Signals of one session.
pub(super) const PER_SESSION: u64 = 10;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// So many visitors take turns; each leaves after ten signals and the next one comes.
    Hot(u64),
    /// Each signal is of a random one of so many visitors, all of whom stay.
    Uniform(u64),
    /// Each signal is a visitor's first and only one.
    Once,
}

/// An endless row of signals.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    order: Order,
    /// Keeps the visitors and ids of two streams apart.
    tag: u8,
    texts: Vec<Text>,
}

/// The text of one kind of signal, and where its numbers stand.
#[derive(Clone, Debug)]
struct Text {
    bytes: Vec<u8>,
    id: usize,
    visitor: usize,
    at: usize,
    product: usize,
    address: usize,
}

/// Signals rendered for one request.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// A list of JSON objects.
    pub(super) body: Vec<u8>,
    /// Where each object stands in it.
    pub(super) spans: Vec<Range<usize>>,
}

impl Group {
    /// The bytes of each signal.
    pub(super) fn signals(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().filter_map(|span| self.body.get(span.clone()))
    }
}

#[rustfmt::skip]
const KINDS: [(&str, &str, &str); 10] = [
    ("page_viewed", "", "Garden, balcony and terrace: everything for outside"),
    ("search_performed", r#""search":{"terms":"folding chair"},"#, "Results of the search"),
    ("category_viewed", "", "Chairs and benches for garden and balcony"),
    ("product_viewed", "", "Folding chair of acacia wood, oiled, set of two"),
    ("page_viewed", "", "Reviews of the folding chair of acacia wood, set of two"),
    ("product_viewed", "", "Garden table of acacia wood, oiled, 120 by 70 cm"),
    ("page_viewed", "", "Delivery, assembly and return of garden furniture"),
    ("product_added", "", "Garden table of acacia wood, oiled, 120 by 70 cm"),
    ("page_viewed", "", "Your cart"),
    ("checkout_started", "", "Address and delivery"),
];

impl Stream {
    /// A row of signals in this order.
    pub(super) fn new(order: Order, tag: u8) -> anyhow::Result<Stream> {
        let texts = KINDS.iter().map(|(kind, members, title)| Text::of(kind, members, title));
        Ok(Stream { order, tag, texts: texts.collect::<anyhow::Result<_>>()? })
    }

    /// Renders `count` signals from number `first` on, that happened `at` (RFC 3339, 24 characters).
    pub(super) fn render(&self, group: &mut Group, first: u64, count: u64, at: &str) {
        group.body.clear();
        group.spans.clear();
        group.body.push(b'[');
        for number in first..first + count {
            if number > first {
                group.body.push(b',');
            }
            let from = group.body.len();
            self.signal(&mut group.body, number, at);
            group.spans.push(from..group.body.len());
        }
        group.body.push(b']');
    }

    /// Appends signal `number`.
    pub(super) fn signal(&self, body: &mut Vec<u8>, number: u64, at: &str) {
        let (visitor, step) = self.turn(number);
        let Some(text) = usize::try_from(step).ok().and_then(|step| self.texts.get(step)) else {
            return;
        };
        let from = body.len();
        body.extend_from_slice(&text.bytes);
        let Some(body) = body.get_mut(from..) else { return };
        let tag = u64::from(self.tag) << 56;
        let id = mixed(tag | number);
        put_hex(body, text.id, id);
        put_hex(body, text.id + 16, mixed(!id));
        put_hex(body, text.visitor, mixed(tag | visitor));
        put_hex(body, text.product, mixed(id));
        put_digits(body, text.address, mixed(visitor));
        if let Some(place) = body.get_mut(text.at..text.at + at.len()) {
            place.copy_from_slice(at.as_bytes());
        }
    }

    /// The visitor of a signal and the how manieth signal of the session it is.
    fn turn(&self, number: u64) -> (u64, u64) {
        match self.order {
            Order::Hot(visitors) => {
                let (slot, turn) = (number % visitors, number / visitors + number % PER_SESSION);
                (slot + visitors * (turn / PER_SESSION), turn % PER_SESSION)
            }
            Order::Uniform(visitors) => (mixed(number) % visitors, number % PER_SESSION),
            Order::Once => (number, 0),
        }
    }
}

impl Text {
    fn of(kind: &str, members: &str, title: &str) -> anyhow::Result<Text> {
        let text = format!(
            "{{\"id\":\"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii\",\"type\":\"{kind}\",\"occurred_at\":\"tttttttttttttttttttttttt\",\
             \"channel\":\"web\",\"anonymous_id\":\"vvvvvvvvvvvvvvvv\",{members}\
             \"page\":{{\"url\":\"https://shop.example/garden/pppppppppppppppp?utm_source=news\",\
             \"title\":\"{title}\",\"referrer\":\"https://shop.example/garden\"}},\
             \"ip\":\"198.18.aaa.bbb\",\
             \"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0\"}}"
        );
        let place = |mark: &str| text.find(mark).context("a mark of the text is missing");
        Ok(Text {
            id: place("iiiiiiii")?,
            visitor: place("vvvvvvvv")?,
            at: place("tttttttttttttttttttttttt")?,
            product: place("pppppppp")?,
            address: place("aaa.bbb")?,
            bytes: text.into_bytes(),
        })
    }
}

/// Spreads a number over all 64 bits; no two numbers become one (splitmix64).
pub(super) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn put_hex(body: &mut [u8], at: usize, number: u64) {
    for (place, nibble) in body.iter_mut().skip(at).zip((0..16).rev()) {
        let digit = u8::try_from(number >> (4 * nibble) & 15).unwrap_or(0);
        *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
    }
}

/// Two numbers from 100 to 199, as the end of an address.
fn put_digits(body: &mut [u8], at: usize, number: u64) {
    for (skip, number) in [(0, number % 100), (4, number / 100 % 100)] {
        let number = u8::try_from(number).unwrap_or(0);
        let digits = [b'1', b'0' + number / 10, b'0' + number % 10];
        for (place, digit) in body.iter_mut().skip(at + skip).zip(digits) {
            *place = digit;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use sessionary_dialects::{Context, canonical::decode};

    use super::*;

    const AT: &str = "2026-01-05T10:00:00.000Z";

    #[test]
    fn every_signal_is_understood_and_ten_make_a_session() {
        let stream = Stream::new(Order::Hot(20), 1).unwrap();
        let mut group = Group::default();
        stream.render(&mut group, 0, 400, AT);
        let signals = decode(&group.body, &Context::default()).unwrap();
        let mut visitors: BTreeMap<String, usize> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for signal in signals {
            let signal = signal.unwrap();
            assert!(signal.warnings.is_empty() && signal.attributes.is_empty(), "{signal:?}");
            *visitors.entry(signal.identities[0].value.to_string()).or_default() += 1;
            keys.insert(signal.key);
        }
        assert_eq!(keys.len(), 400);
        assert!(visitors.len() >= 40 && visitors.values().all(|count| *count <= 10));
        assert!(visitors.values().filter(|count| **count == 10).count() >= 20);
        let mean = group.body.len() / 400;
        assert!((380..=420).contains(&mean), "{mean}");
        let cut: Vec<u8> = group.signals().flatten().copied().collect();
        assert_eq!(cut.len() + 401, group.body.len());
    }

    #[test]
    fn the_orders_name_the_visitors_that_they_promise() {
        let visitors = |order, count| {
            let stream = Stream::new(order, 0).unwrap();
            (0..count).map(|number| stream.turn(number).0).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(visitors(Order::Once, 500), 500);
        assert_eq!(visitors(Order::Uniform(10), 500), 10);
    }
}
