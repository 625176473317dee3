//! What the source of a session knows of it as a whole: its status, its own record, its permission
//! to record.
use super::{Claim, Content, MEMBERS_MAX, keep};
use crate::{
    dictionary::field,
    signal::{Signal, kind},
    value::Value,
};

impl Content {
    /// Whether `signal` is a report, and takes it in: it stands for every report that the source
    /// changed earlier, whatever the rule of a field, and fills in what a later one leaves open.
    pub(super) fn add_report(&mut self, signal: &Signal) -> bool {
        if *signal.kind != *kind::SESSION_REPORTED {
            return false;
        }
        let is_superseded = self.is_superseded(signal);
        for (number, value) in &signal.fields {
            if !keep::concerns_session(*number) {
                continue;
            }
            if is_superseded {
                self.fields.entry(*number).or_insert_with(|| value.clone());
            } else {
                self.fields.insert(*number, value.clone());
            }
        }
        for (name, value) in &signal.attributes {
            let is_known = self.attributes.contains_key(name);
            if (is_known && !is_superseded) || (!is_known && self.attributes.len() < MEMBERS_MAX) {
                self.attributes.insert(name.clone(), value.clone());
            }
        }
        true
    }

    /// Whether the source changed its record again after this report of it.
    fn is_superseded(&self, report: &Signal) -> bool {
        match [&self.fields, &report.fields].map(|fields| fields.get(&field::UPDATED_AT)) {
            [Some(Value::Instant(known)), Some(Value::Instant(own))] => known.at > own.at,
            _ => false,
        }
    }

    /// Whether a claim adds nothing to the ledger: a report repeats what stands, or what stood.
    pub(super) fn is_repeated(&self, claim: &Claim, signal: &Signal) -> bool {
        let says_the_same = |last: &Claim| {
            (last.code, &last.notes, &last.agent) == (claim.code, &claim.notes, &claim.agent)
        };
        let last = || self.claims.iter().rfind(|known| known.author == claim.author);
        *signal.kind == *kind::SESSION_REPORTED
            && (self.is_superseded(signal) || last().is_some_and(says_the_same))
    }

    /// Compares a status of the source with what usually follows the one before. Any is taken; an
    /// unusual one is flagged.
    pub(super) fn note_status(&mut self, signal: &Signal) {
        let Some(status) = signal.text(field::SOURCE_STATUS) else { return };
        let before = self.fields.get(&field::SOURCE_STATUS).and_then(Value::as_text);
        let usual = self.fields.get(&field::SOURCE_STATUS_NEXT);
        let is_unusual = match (before, usual) {
            (Some(before), Some(Value::Texts(usual))) => {
                before != status && !usual.iter().any(|next| **next == *status)
            }
            _ => false,
        };
        // A report says where things stand, and nothing of how they came there.
        if is_unusual && *signal.kind != *kind::SESSION_REPORTED {
            self.warn("unexpected_transition");
        }
        if !signal.fields.contains_key(&field::SOURCE_STATUS_NEXT) {
            self.fields.remove(&field::SOURCE_STATUS_NEXT);
        }
    }

    /// Takes the addresses of recordings away when the person refused to be recorded, in whatever
    /// order the two came.
    pub(super) fn withhold_recordings(&mut self, signal: &Signal) {
        let concerns = |number: &_| {
            [field::RECORDING_URL, field::RECORDING_PERMISSION, field::RECORDINGS].contains(number)
        };
        if !signal.fields.keys().any(concerns) {
            return;
        }
        let permission = self.fields.get(&field::RECORDING_PERMISSION).and_then(Value::as_text);
        if !permission.is_some_and(|word| word.eq_ignore_ascii_case("denied")) {
            return;
        }
        let url = self.fields.remove(&field::RECORDING_URL);
        let others = self.fields.remove(&field::RECORDINGS);
        if url.is_some() || others.is_some() {
            self.warn("recording_withheld");
        }
    }
}
