//! The cut records of a tenant, one after the other.
use sessionary_core::{id::SessionId, signal::TenantId};
use sessionary_store::{Direction, Table, keys::parse_record_key};

use crate::{EngineError, Reader};

/// A record as it was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutRecord {
    /// Of which session.
    pub session: SessionId,
    /// Which cut.
    pub revision: u32,
    /// The record, as JSON.
    pub json: Vec<u8>,
}

impl Reader {
    /// The latest record of each session that has one, in the order of their ids, which is that of
    /// their beginnings; redirects included.
    pub fn latest_records(
        &self,
        tenant: TenantId,
    ) -> impl Iterator<Item = Result<CutRecord, EngineError>> + '_ {
        let prefix = tenant.0.to_be_bytes();
        let rows = self.snapshot().scan_prefix(Table::Records, &prefix, Direction::Forward);
        // Behind a record lies the session as it was, under a longer key.
        let records = rows.filter_map(|row| match row {
            Ok((key, json)) => parse_record_key(&key).map(|(_, session, revision)| {
                Ok(CutRecord { session: SessionId(session), revision, json })
            }),
            Err(error) => Some(Err(EngineError::from(error))),
        });
        let mut records = records.peekable();
        std::iter::from_fn(move || {
            loop {
                let record = match records.next()? {
                    Ok(record) => record,
                    Err(error) => return Some(Err(error)),
                };
                let next = records.peek();
                let is_outdone = matches!(next, Some(Ok(next)) if next.session == record.session);
                if !is_outdone {
                    return Some(Ok(record));
                }
            }
        })
    }
}
