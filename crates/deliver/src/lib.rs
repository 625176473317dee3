//! One parcel to one place; says sent, retry or give up.
//!
//! Knows nothing of what is due or when, of a store or of a journal. Every connection goes through
//! the [`Guard`], which resolves a name once, checks each address and connects to what it checked.
//! Time arrives with the parcel; nothing here reads a clock.
mod outcome;
mod parcel;
mod secret;
mod settings;
mod summary;
mod template;
mod values;
mod guard;
mod client;
mod webhook;
mod tropo;
mod object_file;
mod bucket;
mod email;
mod crm;
mod target;

pub use bucket::{Bucket, BucketSettings};
pub use guard::{Guard, Reach, Resolve, Resolved};
pub use outcome::{DETAIL_CHARS_MAX, Digest, Failure, NOTE_BYTES_MAX, Outcome, Sent};
pub use parcel::{Outgoing, Previous};
pub use secret::Secret;
pub use settings::{Kind, Options, Settings, SettingsError};
pub use target::Target;
pub use webhook::new_webhook_secret;
