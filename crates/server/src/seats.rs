//! How many connections are open, in all and from one address.
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The seats of one listener. A connection takes one or is turned away.
#[derive(Debug)]
pub struct Seats {
    all_max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
    turned_away: AtomicU64,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A taken seat; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    /// No seat taken yet.
    pub fn new(all_max: usize, per_address_max: usize) -> Seats {
        Seats { all_max, per_address_max, taken: Mutex::default(), turned_away: AtomicU64::new(0) }
    }

    /// A seat for a connection from `address`, while there is one.
    pub fn take(self: &Arc<Seats>, address: IpAddr) -> Option<Seat> {
        let address = block_of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all >= self.all_max || here >= self.per_address_max {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, here + 1);
        Some(Seat { seats: Arc::clone(self), address })
    }

    /// Connections open now.
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Connections turned away since the start.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(here) = taken.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, also when written as IPv6; a /64 of IPv6, since a
/// single customer has that many.
pub(crate) fn block_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn seats_are_counted_in_all_and_by_address() {
        let seats = Arc::new(Seats::new(3, 2));
        let first = seats.take(ip("10.0.0.1"));
        let second = seats.take(ip("::ffff:10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(seats.take(ip("10.0.0.1")).is_none(), "two of one address");
        let third = seats.take(ip("2001:db8::1"));
        assert!(third.is_some());
        assert!(seats.take(ip("10.0.0.2")).is_none(), "three in all");
        assert_eq!((seats.taken(), seats.turned_away()), (3, 2));
        drop(first);
        assert!(seats.take(ip("10.0.0.1")).is_some());
        drop((second, third));
        assert_eq!(seats.taken(), 0);
        assert!(seats.taken.lock().unwrap().by_address.is_empty());
    }

    #[test]
    fn a_block_of_ipv6_is_one_address() {
        assert_eq!(block_of(ip("2001:db8::1")), block_of(ip("2001:db8::ffff:1")));
        assert_ne!(block_of(ip("2001:db8::1")), block_of(ip("2001:db8:0:1::1")));
    }
}
