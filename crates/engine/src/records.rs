//! The cut records of a tenant, one after the other.
use std::ops::Bound;

use sessionary_core::{id::SessionId, signal::TenantId};
use sessionary_store::{
    Direction, Table,
    keys::{parse_record_key, record_key},
};

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
        self.latest_records_from(tenant, SessionId([0; 16]))
    }

    /// The same from an id on, itself included: a long walk takes a new view for each page.
    pub fn latest_records_from(
        &self,
        tenant: TenantId,
        from: SessionId,
    ) -> impl Iterator<Item = Result<CutRecord, EngineError>> + '_ {
        let first = record_key(tenant.0, &from.0, 0);
        let end = tenant.0.checked_add(1).map(u32::to_be_bytes);
        let end = end.as_ref().map_or(Bound::Unbounded, |end| Bound::Excluded(&end[..]));
        let range = (Bound::Included(&first[..]), end);
        let rows = self.snapshot().scan(Table::Records, range, Direction::Forward);
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
