//! Quarantine: what authenticated but could not be understood, with reason, raw bytes and time.
//!
//! Nothing that was sent is thrown away (P10). A row is durable before the sender is answered.
use serde::{Deserialize, Serialize};
use sessionary_core::{
    id::SessionId,
    signal::{Arrival, TenantId},
    time::UnixMillis,
};
use sessionary_dialects::canonical;
use sessionary_store::{Rows, Table};

use crate::rows::encode;

/// The most of one item that is kept, in bytes; longer ones are cut and say so.
pub const RAW_MAX: usize = 1 << 20;

/// One item in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Whose.
    pub tenant: TenantId,
    /// When it came; a replay keeps this instant.
    pub received_at: UnixMillis,
    /// The number of the key it came with; 0 for the server's own.
    pub key_number: u32,
    /// The way it came in, such as `signals` or `handshake`.
    pub dialect: Box<str>,
    /// Stable code of the reason.
    pub reason: Box<str>,
    /// What a person needs to know.
    pub detail: Box<str>,
    /// The member that is at fault, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Box<str>>,
    /// The bytes as they came.
    #[serde(with = "crate::bytes")]
    pub raw: Vec<u8>,
    /// Whether `raw` was cut at [`RAW_MAX`].
    #[serde(default)]
    pub truncated: bool,
    /// The session that has another signal with the same key, for a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// When it was replayed with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at: Option<UnixMillis>,
}

/// The reason of a conflict; it cannot be replayed, since its key is taken.
pub const CONFLICT: &str = "conflict";

/// The id of an item: tenant, time and a number, so that a listing is in order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineId {
    /// Whose.
    pub tenant: TenantId,
    /// When it came.
    pub received_at: UnixMillis,
    /// Tells items of one instant apart.
    pub number: u64,
}

impl QuarantineId {
    pub(crate) fn key(self) -> [u8; 20] {
        let mut key = [0; 20];
        let parts = self.tenant.0.to_be_bytes().into_iter();
        let parts = parts.chain(self.received_at.0.to_be_bytes());
        for (to, from) in key.iter_mut().zip(parts.chain(self.number.to_be_bytes())) {
            *to = from;
        }
        key
    }

    pub(crate) fn of_key(key: &[u8]) -> Option<QuarantineId> {
        let (tenant, rest) = key.split_first_chunk::<4>()?;
        let (received_at, rest) = rest.split_first_chunk::<8>()?;
        let number = rest.try_into().ok()?;
        Some(QuarantineId {
            tenant: TenantId(u32::from_be_bytes(*tenant)),
            received_at: UnixMillis(i64::from_be_bytes(*received_at)),
            number: u64::from_be_bytes(number),
        })
    }

    /// The id as the API shows it; the tenant is not part of it.
    pub fn text(self) -> String {
        format!("q_{:012x}{:016x}", self.received_at.0, self.number)
    }

    /// Reads what [`QuarantineId::text`] wrote, for a tenant.
    pub fn parse(tenant: TenantId, text: &str) -> Option<QuarantineId> {
        let digits = text.strip_prefix("q_").filter(|digits| digits.is_ascii())?;
        let (received_at, number) = digits.split_at_checked(12)?;
        Some(QuarantineId {
            tenant,
            received_at: UnixMillis(i64::from_str_radix(received_at, 16).ok()?),
            number: u64::from_str_radix(number, 16).ok().filter(|_| number.len() == 16)?,
        })
    }
}

impl Quarantined {
    /// Cuts what is too long.
    #[must_use]
    pub fn bounded(mut self) -> Quarantined {
        if self.raw.len() > RAW_MAX {
            self.raw.truncate(RAW_MAX);
            self.truncated = true;
        }
        self
    }
}

pub(crate) fn put(rows: &mut Rows, id: QuarantineId, item: &Quarantined) {
    rows.put(Table::Quarantine, id.key(), encode(item));
}

/// Keeps the second of two signals with one key; the first is in the session.
pub(crate) fn put_conflict(rows: &mut Rows, position: u64, arrival: &Arrival, session: SessionId) {
    let id =
        QuarantineId { tenant: arrival.tenant, received_at: arrival.received_at, number: position };
    let item = Quarantined {
        tenant: arrival.tenant,
        received_at: arrival.received_at,
        key_number: 0,
        dialect: "signals".into(),
        reason: CONFLICT.into(),
        detail: format!(
            "another signal with the id {:?} is already in session {session}; send a new id",
            arrival.signal.key
        )
        .into(),
        field: Some("id".into()),
        raw: canonical::encode_raw(&arrival.signal).get().as_bytes().to_vec(),
        truncated: false,
        session: Some(session),
        replayed_at: None,
    };
    put(rows, id, &item);
}
