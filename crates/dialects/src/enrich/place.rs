//! The place of an address and the owner of its network, from databases in `MaxMind`'s format.
//!
//! Looked up when a signal comes in and kept with it, because an address may be somebody else's
//! tomorrow. A database is walked from end to end when it is opened: a broken one is an error then,
//! and says nothing later. Addresses of private networks have no place.
use std::net::{IpAddr, Ipv4Addr};

use maxminddb::Reader;
use serde::{Deserialize, Serialize};
use sessionary_core::{
    dictionary::field,
    signal::Signal,
    value::{RawJson, Value},
};

mod member;

/// The databases that are configured.
#[derive(Default)]
pub struct Places {
    city: Option<Database>,
    asn: Option<Database>,
}

/// A database that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no sound database in the MaxMind format ({why}); fetch it again")]
pub struct BrokenDatabase {
    why: String,
}

/// A database of addresses, sound from end to end.
pub struct Database {
    reader: Reader<Vec<u8>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.kind()).finish()
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Places").field("city", &self.city).field("asn", &self.asn).finish()
    }
}

impl Database {
    /// Reads a database and walks all of it, within bounds that its size sets.
    ///
    /// # Errors
    /// Bytes of another format, or damage anywhere.
    pub fn open(bytes: Vec<u8>) -> Result<Database, BrokenDatabase> {
        let broken = |error: maxminddb::MaxMindDbError| BrokenDatabase { why: error.to_string() };
        let reader = Reader::from_source(bytes).map_err(broken)?;
        reader.verify().map_err(broken)?;
        Ok(Database { reader })
    }

    /// What its maker calls its kind, such as `GeoLite2-City`.
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    fn look_up<'a, T: Deserialize<'a>>(&'a self, address: IpAddr) -> Option<T> {
        self.reader.lookup(address).ok()?.decode().ok()?
    }
}

/// Where an address is; the members are those of a record's `technical.geolocation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Place<'a> {
    /// ISO 3166-1, such as `GB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'a str>,
    /// In English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_name: Option<&'a str>,
    /// ISO 3166-2 without the country, such as `ENG`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<&'a str>,
    /// In English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_name: Option<&'a str>,
    /// In English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<&'a str>,
    /// As the country writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<&'a str>,
    /// Degrees north, of the middle of the area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east, of the middle of the area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Name of the zone, such as `Europe/London`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<&'a str>,
    /// The kind of database that says so.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source: &'a str,
}

impl Places {
    /// The databases: of places, and of owners of networks.
    pub fn new(city: Option<Database>, asn: Option<Database>) -> Places {
        Places { city, asn }
    }

    /// Whether no database is configured.
    pub fn is_empty(&self) -> bool {
        self.city.is_none() && self.asn.is_none()
    }

    /// Where an address is, if the database knows.
    pub fn place(&self, address: IpAddr) -> Option<Place<'_>> {
        let database = self.city.as_ref()?;
        let row: member::PlaceRow<'_> = database.look_up(outside(address)?)?;
        let place = row.place();
        (place != Place::default()).then(|| Place { source: database.kind(), ..place })
    }

    /// Who owns the network of an address, if the database knows.
    pub fn organization(&self, address: IpAddr) -> Option<&str> {
        let row: member::OwnerRow<'_> = self.asn.as_ref()?.look_up(outside(address)?)?;
        row.owner()
    }

    /// Adds place and owner to a signal that has an address and does not say them itself.
    pub fn enrich(&self, signal: &mut Signal) {
        if self.is_empty() {
            return;
        }
        let Some(address) = signal.text(field::REMOTE_IP).and_then(|text| text.parse().ok()) else {
            return;
        };
        if !signal.fields.contains_key(&field::GEOLOCATION)
            && let Some(place) = self.place(address)
            && let Ok(place) = serde_json::to_value(&place)
        {
            signal.fields.insert(field::GEOLOCATION, Value::Json(RawJson::of(&place)));
        }
        if !signal.fields.contains_key(&field::IP_ORGANIZATION)
            && let Some(owner) = self.organization(address)
        {
            signal.fields.insert(field::IP_ORGANIZATION, Value::Text(owner.into()));
        }
    }
}

/// An address as databases know it; none if it is of a private network or of this machine.
fn outside(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    let inside = match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4 == Ipv4Addr::BROADCAST
        }
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || v6.is_loopback()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
        }
    };
    (!inside).then_some(address)
}

#[cfg(test)]
mod tests;
