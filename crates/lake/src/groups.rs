//! The rows of a part, brought together by key.
use crate::{
    columns::Key,
    parts::{Part, Row},
};

/// Groups parts, one after the other, in the same memory.
#[derive(Debug)]
pub(crate) struct Groups<R> {
    /// An open table: the number of a group plus one, or 0.
    slots: Vec<u32>,
    keys: Vec<Key>,
    /// Of each group: how many rows, then where its next row goes.
    ends: Vec<u32>,
    /// The group of each row, in the order of the part.
    group_of: Vec<u32>,
    rows: Vec<R>,
}

impl<R> Default for Groups<R> {
    fn default() -> Groups<R> {
        Groups {
            slots: Vec::new(),
            keys: Vec::new(),
            ends: Vec::new(),
            group_of: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl<R: Row> Groups<R> {
    /// Calls `each` with the rows of every key, in no order.
    pub(crate) fn each(&mut self, part: &Part<R>, mut each: impl FnMut(Key, &mut [R])) {
        self.number(part);
        self.place(part);
        let mut rest = self.rows.as_mut_slice();
        let mut begin = 0;
        for (key, end) in self.keys.iter().zip(&self.ends) {
            let rows = usize::try_from(end - begin).unwrap_or(0);
            let Some((group, behind)) = rest.split_at_mut_checked(rows) else { break };
            each(*key, group);
            (rest, begin) = (behind, *end);
        }
    }

    /// Gives each row the number of its group, and counts.
    fn number(&mut self, part: &Part<R>) {
        let rows = part.len();
        assert!(u32::try_from(rows).is_ok(), "a part has fewer than 2^32 rows");
        self.slots.clear();
        self.slots.resize((rows * 2).next_power_of_two(), 0);
        self.keys.clear();
        self.ends.clear();
        self.group_of.clear();
        let mut last = (Key::default(), None);
        for row in part.chunks().flatten() {
            let key = row.key();
            let group = match last {
                (last, Some(group)) if last == key => group,
                _ => self.group(key),
            };
            last = (key, Some(group));
            if let Some(count) = self.ends.get_mut(group as usize) {
                *count += 1;
            }
            self.group_of.push(group);
        }
    }

    fn group(&mut self, key: Key) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = usize::try_from(key.spread() & mask as u64).unwrap_or(0);
        loop {
            let Some(slot) = self.slots.get_mut(at) else { unreachable!("the mask bounds it") };
            match slot.checked_sub(1) {
                None => {
                    #[expect(clippy::cast_possible_truncation, reason = "as many as rows at most")]
                    let group = self.keys.len() as u32;
                    *slot = group + 1;
                    self.keys.push(key);
                    self.ends.push(0);
                    return group;
                }
                Some(group) if self.keys.get(group as usize) == Some(&key) => return group,
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    /// Copies each row to its place in its group.
    fn place(&mut self, part: &Part<R>) {
        let mut sum = 0;
        for end in &mut self.ends {
            (*end, sum) = (sum, sum + *end);
        }
        self.rows.clear();
        self.rows.resize(self.group_of.len(), R::default());
        for (row, group) in part.chunks().flatten().zip(&self.group_of) {
            let Some(next) = self.ends.get_mut(*group as usize) else { continue };
            if let Some(place) = self.rows.get_mut(*next as usize) {
                *place = *row;
            }
            *next += 1;
        }
    }
}
