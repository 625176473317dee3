//! The requests that go into one block of the journal, taken apart: what is appended, what is folded,
//! and where the answers go.
use sessionary_store::{Entry as StoredEntry, PackedEntries, Room, Rows};
use tokio::sync::oneshot;

use crate::{
    EngineError, Receipt, VerdictStatus,
    entry::Entry,
    gathered::Verdicts,
    intake::{Command, Encoded, Submit},
    quarantine::QuarantineId,
};

/// A group of requests.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) entries: Vec<Entry>,
    /// The same as the journal keeps them, in the same order.
    pub(crate) packed: Vec<PackedEntries>,
    /// Behind those: what is not packed yet.
    plain: Vec<Vec<u8>>,
    /// Their bytes before they were packed.
    pub(crate) bytes: u64,
    /// Rows that become durable with the block.
    pub(crate) rows: Rows,
    pub(crate) answers: Answers,
}

/// Where the answers of a group go.
#[derive(Default)]
pub(crate) struct Answers {
    submits: Vec<Submitted>,
    /// Which entry of the group, and whom to tell.
    decisions: Vec<(usize, oneshot::Sender<Result<(), EngineError>>)>,
}

/// Where the answer to a request goes, and to which entries of the group.
struct Submitted {
    entries: std::ops::Range<usize>,
    ids: Vec<QuarantineId>,
    answer: oneshot::Sender<Result<Receipt, EngineError>>,
}

impl Group {
    /// Entries of our own, which nobody waits for.
    pub(crate) fn of_own(entries: Vec<Entry>) -> Result<Group, EngineError> {
        let plain: Vec<Vec<u8>> = entries.iter().map(Entry::to_bytes).collect();
        let bytes = plain.iter().map(|bytes| bytes.len() as u64).sum();
        let mut group = Group { entries, plain, bytes, ..Group::default() };
        group.pack_plain()?;
        Ok(group)
    }

    /// Takes a write in, or answers that the disk is full.
    pub(crate) fn take(&mut self, write: Command, full: Option<Room>) -> Result<(), EngineError> {
        let disk_full = |room: Room| EngineError::DiskFull { free: room.free, needed: room.needed };
        match (write, full) {
            (Command::Submit(submit), Some(room)) => {
                let _ = submit.answer.send(Err(disk_full(room)));
            }
            (Command::Decide(_, answer), Some(room)) => {
                let _ = answer.send(Err(disk_full(room)));
            }
            (Command::Submit(submit), None) => self.submit(submit)?,
            (Command::Decide(entry, answer), None) => self.decide(entry, answer),
            // Room is kept for it: what was sent must not be sent again for want of a note.
            (Command::Attempt(entry, sent, answer), _) => {
                self.rows.merge(sent);
                self.decide(Entry::Attempt(entry), answer);
            }
            // Reads wait elsewhere.
            (_, _) => {}
        }
        Ok(())
    }

    fn decide(&mut self, entry: Entry, answer: oneshot::Sender<Result<(), EngineError>>) {
        self.plain.push(entry.to_bytes());
        self.answers.decisions.push((self.entries.len(), answer));
        self.entries.push(entry);
    }

    fn submit(&mut self, submit: Submit) -> Result<(), EngineError> {
        let Submit { arrivals, encoded, bytes, quarantine, ids, answer } = submit;
        let from = self.entries.len();
        self.entries.extend(arrivals.into_iter().map(Entry::Signal));
        self.bytes += bytes as u64;
        match encoded {
            Encoded::Plain(mut plain) => self.plain.append(&mut plain),
            Encoded::Packed(packed) => {
                self.pack_plain()?;
                self.packed.push(packed);
            }
        }
        self.rows.merge(quarantine);
        let entries = from..self.entries.len();
        self.answers.submits.push(Submitted { entries, ids, answer });
        Ok(())
    }

    /// Packs what came unpacked so far, so that the order stays.
    pub(crate) fn pack_plain(&mut self) -> Result<(), EngineError> {
        if !self.plain.is_empty() {
            let plain = std::mem::take(&mut self.plain);
            let entries: Vec<StoredEntry<'_>> =
                plain.iter().map(|bytes| StoredEntry { partition: 0, bytes }).collect();
            self.packed.push(PackedEntries::pack(&entries)?);
        }
        Ok(())
    }
}

impl Answers {
    /// Tells everybody what became of it; the block begins at position `first`.
    pub(crate) fn give(self, first: u64, verdicts: &Verdicts) -> Result<(), EngineError> {
        for Submitted { entries, ids, answer } in self.submits {
            let verdicts = entries
                .map(|at| verdicts.get(first + at as u64))
                .collect::<Option<Vec<_>>>()
                .ok_or(EngineError::Missing { what: "the verdict of a signal" })?;
            let _ = answer.send(Ok(Receipt { verdicts, quarantine: ids }));
        }
        for (at, answer) in self.decisions {
            let refused = verdicts
                .get(first + at as u64)
                .is_some_and(|verdict| verdict.status == VerdictStatus::Conflict);
            let _ = answer.send(if refused { Err(EngineError::Outdated) } else { Ok(()) });
        }
        Ok(())
    }
}
