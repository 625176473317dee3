//! Strangers' shapes in and out: bytes to signals, sessions to bytes.
//!
//! Pure: nothing here reads a clock, a disk or a socket, and no input makes a decoder panic. A
//! decoder refuses with a word for machines and a sentence for people; what it repairs it says in
//! the warnings of the signal.
pub mod access_log;
pub mod attribution_from_url;
pub mod canonical;
pub mod enrich;
pub mod ccai;
pub mod format;
pub mod genesys;
pub mod handshake;
pub mod identical;
pub mod identities;
mod lately;
pub mod limits;
pub mod mapping;
mod month;
pub mod segment;
pub mod tropo;

pub use format::{Format, View};
pub use limits::Limits;

/// What a decoder must know of the sender beyond the bytes: settings of the API key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Name space of the sender's ids, where the signal names none.
    pub source: &'a str,
    /// Country of phone numbers without a country code, ISO 3166-1 alpha-2.
    pub country: Option<&'a str>,
    /// IANA name of the time zone of a contact centre's times without an offset.
    pub zone: Option<&'a str>,
    /// Currency of amounts without one, ISO 4217.
    pub currency: Option<&'a str>,
    /// How much is too much.
    pub limits: Limits,
}

/// Fills in the currency of the key where a signal has amounts and names none (D14).
pub(crate) fn default_currency(
    fields: &mut sessionary_core::signal::Fields,
    currency: Option<&str>,
) {
    use sessionary_core::{
        dictionary::{Unit, by_number, field},
        value::Value,
    };
    let is_money = |number| by_number(number).is_some_and(|row| row.unit == Unit::Money);
    if let Some(currency) = currency
        && !fields.contains_key(&field::CURRENCY)
        && fields.keys().any(|number| is_money(*number))
    {
        fields.insert(field::CURRENCY, Value::Text(currency.into()));
    }
}
