//! A walk through the queue of one destination: page after page, always behind the last parcel read.
//!
//! What is raised while a page is read is due later than all of it, so nothing new lies behind the
//! walk. A parcel that is to be tried again may: its instant is a wait after the try, but its note
//! becomes durable later, and the walk may have gone on meanwhile. Such a parcel is overtaken; no
//! page will hold it, so it is kept here.
use std::collections::{BTreeMap, HashSet};

use sessionary_core::{
    parcel::{Parcel, ParcelName},
    time::UnixMillis,
};

use crate::Named;

/// Where a walk stands.
#[derive(Debug, Default)]
pub(super) struct Walk {
    behind: Option<(UnixMillis, ParcelName)>,
    page: HashSet<ParcelName>,
    overtaken: BTreeMap<(UnixMillis, ParcelName), Parcel>,
}

impl Walk {
    /// The last parcel that was read: the next page begins behind it.
    pub(super) fn behind(&self) -> Option<(UnixMillis, ParcelName)> {
        self.behind
    }

    /// Takes note of a page.
    pub(super) fn read(&mut self, page: &[Named]) {
        self.page = page.iter().map(|(name, _)| *name).collect();
        if let Some((name, parcel)) = page.last() {
            self.behind = Some((parcel.at, *name));
        }
    }

    /// A parcel is due again, and its note is durable. If the last page holds it, that page saw its
    /// note: it is due later than all that was read before it was tried.
    pub(super) fn due_again(&mut self, (name, parcel): Named) {
        let place = (parcel.at, name);
        if self.behind.is_some_and(|behind| place <= behind) && !self.page.contains(&name) {
            self.overtaken.insert(place, parcel);
        }
    }

    /// Takes the first overtaken parcel that is due before now.
    pub(super) fn next_overtaken(&mut self, now: UnixMillis) -> Option<Named> {
        let first = self.overtaken.first_entry().filter(|first| first.key().0 < now)?;
        let ((_, name), parcel) = first.remove_entry();
        Some((name, parcel))
    }

    /// When the first overtaken parcel is due.
    pub(super) fn first_overtaken(&self) -> Option<UnixMillis> {
        self.overtaken.keys().next().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use sessionary_core::{
        id::SessionId,
        parcel::{DestinationId, Trigger},
    };

    use super::*;

    fn named(session: u8, at: i64) -> Named {
        let name = ParcelName {
            session: SessionId([session; 16]),
            destination: DestinationId(1),
            trigger: Trigger::Final,
            n: 1,
            send: 0,
        };
        (name, Parcel::raised(UnixMillis(0), UnixMillis(at), None))
    }

    /// The sessions and instants that are taken up at `now`.
    fn taken_up(walk: &mut Walk, now: i64) -> Vec<(u8, i64)> {
        let next = std::iter::from_fn(|| walk.next_overtaken(UnixMillis(now)));
        next.map(|(name, parcel)| (name.session.0[0], parcel.at.0)).collect()
    }

    #[test]
    fn a_parcel_whose_note_came_after_the_walk_had_passed_is_taken_up() {
        let mut walk = Walk::default();
        walk.read(&[named(1, 10), named(2, 11)]);
        // It is tried and due again at 60; before that is durable, a page up to 70 is read.
        walk.read(&[named(3, 50), named(4, 70)]);
        walk.due_again(named(1, 60));
        walk.due_again(named(2, 65));
        assert_eq!(walk.first_overtaken(), Some(UnixMillis(60)));
        assert_eq!(taken_up(&mut walk, 60), []);
        assert_eq!(taken_up(&mut walk, 65), [(1, 60)]);
        assert_eq!(taken_up(&mut walk, 100), [(2, 65)]);
        assert_eq!(walk.first_overtaken(), None);
    }

    #[test]
    fn a_parcel_that_a_page_holds_or_will_hold_is_not_taken_up_besides() {
        let mut walk = Walk::default();
        walk.due_again(named(1, 5));
        walk.read(&[named(1, 10)]);
        walk.due_again(named(2, 60));
        walk.read(&[named(2, 60), named(3, 70)]);
        walk.due_again(named(2, 60));
        walk.due_again(named(1, 71));
        assert_eq!(taken_up(&mut walk, 1_000), []);
        assert_eq!(walk.behind(), Some((UnixMillis(70), named(3, 70).0)));
        walk.read(&[]);
        assert_eq!(walk.behind(), Some((UnixMillis(70), named(3, 70).0)));
    }
}
