//! The ledger: which batches were tried, and which were acknowledged.
use crate::{dice::Dice, traffic::BatchName};

/// What is known of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Sent at least once; nobody said what became of it.
    Tried,
    /// Answered with a 2xx: it must be there.
    Acknowledged,
}

/// The batches of every client.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Vec<Vec<State>>);

impl Ledger {
    /// Takes the next number of a client, which counts as tried from now on.
    pub fn next(&mut self, client: u32) -> BatchName {
        let batches = self.of(client);
        batches.push(State::Tried);
        let number = u32::try_from(batches.len() - 1).unwrap_or(u32::MAX);
        BatchName { client, number }
    }

    /// Notes a 2xx.
    pub fn acknowledge(&mut self, name: BatchName) {
        let state = usize::try_from(name.number).ok();
        if let Some(state) = state.and_then(|number| self.of(name.client).get_mut(number)) {
            *state = State::Acknowledged;
        }
    }

    /// What is known of a batch; `None` when it was never sent.
    pub fn state(&self, name: BatchName) -> Option<State> {
        let client = usize::try_from(name.client).ok()?;
        self.0.get(client)?.get(usize::try_from(name.number).ok()?).copied()
    }

    /// Every batch that was sent.
    pub fn batches(&self) -> impl Iterator<Item = (BatchName, State)> {
        (0..).zip(&self.0).flat_map(|(client, batches)| {
            (0..).zip(batches).map(move |(number, state)| (BatchName { client, number }, *state))
        })
    }

    /// How many batches were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.batches().filter(|(_, state)| *state == State::Acknowledged).count() as u64
    }

    /// The oldest batch of a client that nobody answered.
    pub fn unanswered(&self, client: u32) -> Option<BatchName> {
        let batches = self.0.get(usize::try_from(client).ok()?)?;
        let number = batches.iter().position(|state| *state == State::Tried)?;
        Some(BatchName { client, number: u32::try_from(number).ok()? })
    }

    /// One of a client's acknowledged batches.
    pub fn some_acknowledged(&self, client: u32, dice: &mut Dice) -> Option<BatchName> {
        let batches = self.0.get(usize::try_from(client).ok()?)?;
        let number = u32::try_from(dice.below(batches.len() as u64)).ok()?;
        let name = BatchName { client, number };
        (self.state(name) == Some(State::Acknowledged)).then_some(name)
    }

    /// Takes back every acknowledgement that `earlier` does not know: what came after a copy was
    /// made may be there or not.
    pub fn forget_since(&mut self, earlier: &Ledger) {
        for (client, batches) in (0..).zip(&mut self.0) {
            for (number, state) in (0..).zip(batches) {
                if earlier.state(BatchName { client, number }) != Some(State::Acknowledged) {
                    *state = State::Tried;
                }
            }
        }
    }

    fn of(&mut self, client: u32) -> &mut Vec<State> {
        let at = usize::try_from(client).unwrap_or(0);
        if self.0.len() <= at {
            self.0.resize(at + 1, Vec::new());
        }
        // Just made, if it was not there.
        self.0.get_mut(at).expect("resized to hold it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_after_a_copy_is_open_again() {
        let mut ledger = Ledger::default();
        let (first, second) = (ledger.next(1), ledger.next(1));
        ledger.acknowledge(first);
        let copy = ledger.clone();
        ledger.acknowledge(second);
        assert_eq!((ledger.acknowledged(), ledger.unanswered(1)), (2, None));
        ledger.forget_since(&copy);
        assert_eq!((ledger.acknowledged(), ledger.unanswered(1)), (1, Some(second)));
        assert_eq!(ledger.state(BatchName { client: 0, number: 0 }), None);
    }
}
