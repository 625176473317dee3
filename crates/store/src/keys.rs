//! The keys of the tables: built and parsed in one place, so that their order is one decision.
//!
//! Numbers are big-endian, so that bytes sort as numbers do; signed ones have their sign bit
//! flipped. The tenant comes first: a prefix is a tenant, and no scan leaves it. The timers are
//! the exception; they serve the clock of a shard and not a tenant.
use crate::bytes::Taker;

/// A session of a tenant: tables `Sessions` and `Members`. Tenant, session id.
pub fn session_key(tenant: u32, session: &[u8; 16]) -> [u8; 20] {
    join([&tenant.to_be_bytes(), session])
}

/// The counterpart of [`session_key`].
pub fn parse_session_key(key: &[u8]) -> Option<(u32, [u8; 16])> {
    whole(key, |taker| Some((taker.u32()?, taker.array()?)))
}

/// One revision of a record: table `Records`. Tenant, session id, revision.
pub fn record_key(tenant: u32, session: &[u8; 16], revision: u32) -> [u8; 24] {
    join([&tenant.to_be_bytes(), session, &revision.to_be_bytes()])
}

/// The counterpart of [`record_key`].
pub fn parse_record_key(key: &[u8]) -> Option<(u32, [u8; 16], u32)> {
    whole(key, |taker| Some((taker.u32()?, taker.array()?, taker.u32()?)))
}

/// A session as it was when a revision was cut: table `Records`, behind the record of that revision.
pub fn snapshot_key(tenant: u32, session: &[u8; 16], revision: u32) -> [u8; 25] {
    join([&record_key(tenant, session, revision), b"s"])
}

/// A parcel by its name: table `Parcels`. Tenant, a letter, the name, which begins with the session.
pub fn parcel_key(tenant: u32, name: &[u8; 33]) -> [u8; 38] {
    join([&tenant.to_be_bytes(), b"n", name])
}

/// The prefix of the parcels of a session.
pub fn parcels_of_session(tenant: u32, session: &[u8; 16]) -> [u8; 21] {
    join([&tenant.to_be_bytes(), b"n", session])
}

/// The counterpart of [`parcel_key`].
pub fn parse_parcel_key(key: &[u8]) -> Option<(u32, [u8; 33])> {
    whole(key, |taker| {
        let tenant = taker.u32()?;
        taker.u8().filter(|letter| *letter == b'n')?;
        Some((tenant, taker.array()?))
    })
}

/// The prefix of the parcels of a destination with one status: table `Parcels`.
pub fn parcel_queue(tenant: u32, destination: u64, status: u8) -> [u8; 14] {
    join([&tenant.to_be_bytes(), b"q", &destination.to_be_bytes(), &[status]])
}

/// A parcel by destination, status and its instant (unix milliseconds): table `Parcels`. A scan
/// meets those of one destination in the order in which they are due, were sent or were parked.
pub fn parcel_queue_key(
    tenant: u32,
    destination: u64,
    (status, at): (u8, i64),
    name: &[u8; 33],
) -> [u8; 55] {
    let queue = parcel_queue(tenant, destination, status);
    join([&queue, &sortable(at).to_be_bytes(), name])
}

/// The instant and the name of a [`parcel_queue_key`].
pub fn parse_parcel_queue_key(key: &[u8]) -> Option<(i64, [u8; 33])> {
    whole(key, |taker| {
        let _queue: [u8; 14] = taker.array()?;
        Some((unsortable(taker.u64()?), taker.array()?))
    })
}

/// A body as it was sent: table `Sent`. Tenant, session, digest of the body.
pub fn sent_key(tenant: u32, session: &[u8; 16], digest: &[u8; 16]) -> [u8; 36] {
    join([&tenant.to_be_bytes(), session, digest])
}

/// A record that is yet to be written to the lake: table `Lake`. The position of the block in which
/// it was cut, then the key of the record, so that later ones lie behind.
pub fn lake_queue_key(position: u64, record: &[u8; 24]) -> [u8; 33] {
    join([LAKE_QUEUE, &position.to_be_bytes(), record])
}

/// The prefix of all keys made by [`lake_queue_key`].
pub const LAKE_QUEUE: &[u8] = b"q";

/// The counterpart of [`lake_queue_key`]; the key of the record.
pub fn parse_lake_queue_key(key: &[u8]) -> Option<(u64, [u8; 24])> {
    whole(key.strip_prefix(LAKE_QUEUE)?, |taker| Some((taker.u64()?, taker.array()?)))
}

/// A lane: table `Lanes`, and the prefix of its rows in `Signals`. Tenant, partition, lane.
pub fn lane_key(tenant: u32, partition: u8, lane: &[u8; 16]) -> [u8; 21] {
    join([&tenant.to_be_bytes(), &[partition], lane])
}

/// The counterpart of [`lane_key`].
pub fn parse_lane_key(key: &[u8]) -> Option<(u32, u8, [u8; 16])> {
    whole(key, |taker| Some((taker.u32()?, taker.u8()?, taker.array()?)))
}

/// Signals of a lane: table `Signals`. Tenant, partition, lane, journal position of the first.
pub fn lane_row_key(tenant: u32, partition: u8, lane: &[u8; 16], first: u64) -> [u8; 29] {
    join([&tenant.to_be_bytes(), &[partition], lane, &first.to_be_bytes()])
}

/// The counterpart of [`lane_row_key`].
pub fn parse_lane_row_key(key: &[u8]) -> Option<(u32, u8, [u8; 16], u64)> {
    whole(key, |taker| Some((taker.u32()?, taker.u8()?, taker.array()?, taker.u64()?)))
}

/// What a hash in the table `Index` was made of. 4 to 6 were other kinds and are not given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKind {
    /// The sender's session id.
    External = 1,
    /// An identity: e-mail address, phone number, customer number.
    Identity = 2,
    /// A business key: order number, ticket number.
    Business = 3,
}

/// Every kind with its byte on disk.
const INDEX_KINDS: [IndexKind; 3] = [IndexKind::External, IndexKind::Identity, IndexKind::Business];

/// What is found under a hash: table `Index`. Tenant, kind, hash, and a session id where one hash
/// leads to many; without it, the prefix of all of them.
pub fn index_key(
    tenant: u32,
    kind: IndexKind,
    hash: &[u8; 16],
    session: Option<&[u8; 16]>,
) -> Vec<u8> {
    let head: [u8; 21] = join([&tenant.to_be_bytes(), &[kind as u8], hash]);
    let tail = session.map_or(&[][..], |session| session.as_slice());
    [head.as_slice(), tail].concat()
}

/// A parsed [`index_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexKey {
    /// The tenant.
    pub tenant: u32,
    /// What the hash was made of.
    pub kind: IndexKind,
    /// The keyed hash.
    pub hash: [u8; 16],
    /// The session, where the key has one.
    pub session: Option<[u8; 16]>,
}

/// The counterpart of [`index_key`].
pub fn parse_index_key(key: &[u8]) -> Option<IndexKey> {
    whole(key, |taker| {
        let tenant = taker.u32()?;
        let byte = taker.u8()?;
        let kind = INDEX_KINDS.into_iter().find(|kind| *kind as u8 == byte)?;
        let hash = taker.array()?;
        let session = if taker.is_done() { None } else { Some(taker.array()?) };
        Some(IndexKey { tenant, kind, hash, session })
    })
}

/// A timer: table `Timers`. Shard, when it is due (unix milliseconds), session id; a scan of a
/// shard meets the timers in the order in which they fire.
pub fn timer_key(shard: u8, due: i64, session: &[u8; 16]) -> [u8; 25] {
    join([&[shard], &sortable(due).to_be_bytes(), session])
}

/// The counterpart of [`timer_key`].
pub fn parse_timer_key(key: &[u8]) -> Option<(u8, i64, [u8; 16])> {
    whole(key, |taker| Some((taker.u8()?, unsortable(taker.u64()?), taker.array()?)))
}

/// Set in the shard's byte of a timer that is due in the event time of a source.
const OF_SOURCE: u8 = 0x80;

/// A timer in the event time of a source: table `Timers`. Shard with its highest bit set, hash of
/// the source, when it is due (unix milliseconds), session id.
pub fn source_timer_key(shard: u8, source: u64, due: i64, session: &[u8; 16]) -> [u8; 33] {
    let head = [shard | OF_SOURCE];
    join([&head, &source.to_be_bytes(), &sortable(due).to_be_bytes(), session])
}

/// The counterpart of [`source_timer_key`].
pub fn parse_source_timer_key(key: &[u8]) -> Option<(u8, u64, i64, [u8; 16])> {
    whole(key, |taker| {
        let shard = taker.u8().filter(|shard| shard & OF_SOURCE != 0)? & !OF_SOURCE;
        Some((shard, taker.u64()?, unsortable(taker.u64()?), taker.array()?))
    })
}

/// A link between two identities: table `Edges`. Tenant, hash, hash.
pub fn edge_key(tenant: u32, from: &[u8; 16], to: &[u8; 16]) -> [u8; 36] {
    join([&tenant.to_be_bytes(), from, to])
}

/// The counterpart of [`edge_key`].
pub fn parse_edge_key(key: &[u8]) -> Option<(u32, [u8; 16], [u8; 16])> {
    whole(key, |taker| Some((taker.u32()?, taker.array()?, taker.array()?)))
}

/// Maps `i64` to `u64` so that the order stays.
fn sortable(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

fn unsortable(number: u64) -> i64 {
    (number ^ (1 << 63)).cast_signed()
}

fn join<const PARTS: usize, const BYTES: usize>(parts: [&[u8]; PARTS]) -> [u8; BYTES] {
    parts.concat().try_into().expect("the parts of a key add up to its length")
}

fn whole<T>(key: &[u8], take: impl FnOnce(&mut Taker<'_>) -> Option<T>) -> Option<T> {
    let mut taker = Taker(key);
    let parsed = take(&mut taker)?;
    taker.is_done().then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_come_back(
            (tenant, partition, position, revision) in any::<(u32, u8, u64, u32)>(),
            (due, a, b) in any::<(i64, [u8; 16], [u8; 16])>(),
            kind in 0_usize..INDEX_KINDS.len(),
            with_session: bool,
        ) {
            prop_assert_eq!(parse_session_key(&session_key(tenant, &a)), Some((tenant, a)));
            let key = record_key(tenant, &a, revision);
            prop_assert_eq!(parse_record_key(&key), Some((tenant, a, revision)));
            let key = lane_key(tenant, partition, &a);
            prop_assert_eq!(parse_lane_key(&key), Some((tenant, partition, a)));
            let key = lane_row_key(tenant, partition, &a, position);
            prop_assert_eq!(parse_lane_row_key(&key), Some((tenant, partition, a, position)));
            prop_assert_eq!(parse_timer_key(&timer_key(partition, due, &a)), Some((partition, due, a)));
            let shard = partition & 0x7f;
            let key = source_timer_key(shard, position, due, &a);
            prop_assert_eq!(parse_source_timer_key(&key), Some((shard, position, due, a)));
            prop_assert_eq!(parse_edge_key(&edge_key(tenant, &a, &b)), Some((tenant, a, b)));
            let (kind, session) = (INDEX_KINDS[kind], with_session.then_some(b));
            let key = index_key(tenant, kind, &a, session.as_ref());
            prop_assert_eq!(parse_index_key(&key), Some(IndexKey { tenant, kind, hash: a, session }));
            prop_assert_eq!(parse_index_key(&key[1..]), None);
            let mut name = [partition; 33];
            name[..16].copy_from_slice(&a);
            let key = parcel_key(tenant, &name);
            prop_assert_eq!(parse_parcel_key(&key), Some((tenant, name)));
            prop_assert!(key.starts_with(&parcels_of_session(tenant, &a)));
            let key = parcel_queue_key(tenant, position, (partition, due), &name);
            prop_assert_eq!(parse_parcel_queue_key(&key), Some((due, name)));
            prop_assert_eq!(parse_parcel_key(&key), None);
            prop_assert!(key.starts_with(&parcel_queue(tenant, position, partition)));
            let key = snapshot_key(tenant, &a, revision);
            prop_assert_eq!(parse_record_key(&key), None);
            let record = record_key(tenant, &a, revision);
            let key = lake_queue_key(position, &record);
            prop_assert_eq!(parse_lake_queue_key(&key), Some((position, record)));
            prop_assert_eq!(parse_lake_queue_key(&key[1..]), None);
        }

        #[test]
        fn timers_sort_by_when_they_are_due(one in any::<(i64, [u8; 16])>(), two in any::<(i64, [u8; 16])>()) {
            let order = timer_key(0, one.0, &one.1).cmp(&timer_key(0, two.0, &two.1));
            prop_assert_eq!(order, one.cmp(&two));
        }
    }
}
