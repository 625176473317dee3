//! The two open lists of types that the source names and does not give (D18).

/// Types of `user_signal_value` and the type of identity each makes. 1 follows from the source's
/// own example, the rest are ours.
pub const USER_SIGNAL_TYPES: [(u64, &str); 9] = [
    (1, "phone"),
    (2, "email"),
    (3, "visitor_id"),
    (4, "device_id"),
    (5, "mac_address"),
    (6, "customer_id"),
    (7, "loyalty_id"),
    (8, "messaging_address"),
    (9, "ip_address"),
];

/// Types of `program_signal_value`. 2001 follows from the source's own example, the rest are ours.
pub const PROGRAM_SIGNAL_TYPES: [(u64, &str); 8] = [
    (2001, "application_event"),
    (2002, "dialed_number"),
    (2003, "page_url"),
    (2004, "app_screen"),
    (2005, "keyword"),
    (2006, "terminal_id"),
    (2007, "queue"),
    (2008, "campaign"),
];

/// The type of identity that a user signal of type `number` is; one of its own for types that the
/// list lacks.
pub(super) fn identity_type(number: u64) -> String {
    let known = USER_SIGNAL_TYPES.iter().find(|row| row.0 == number);
    known.map_or_else(|| format!("user_signal_{number}"), |row| row.1.to_owned())
}

/// The type of user signal that an identity of type `kind` is.
pub(super) fn user_signal_type(kind: &str) -> Option<u64> {
    let listed = USER_SIGNAL_TYPES.iter().find(|row| row.1 == kind).map(|row| row.0);
    listed.or_else(|| kind.strip_prefix("user_signal_")?.parse().ok())
}
