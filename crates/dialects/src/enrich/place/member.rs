//! The members of a database's rows that we read, under the names of the makers we know: nested
//! as `MaxMind` writes them, or flat.
use serde::Deserialize;

use super::Place;

/// A row of a database of places.
#[derive(Deserialize)]
pub(super) struct PlaceRow<'a> {
    #[serde(borrow, default)]
    country: Option<Named<'a>>,
    #[serde(default)]
    country_code: Option<&'a str>,
    #[serde(borrow, default)]
    subdivisions: Option<Vec<Named<'a>>>,
    #[serde(borrow, default)]
    city: Option<Named<'a>>,
    #[serde(borrow, default)]
    postal: Option<Postal<'a>>,
    #[serde(borrow, default)]
    location: Option<Location<'a>>,
}

#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(default)]
    iso_code: Option<&'a str>,
    #[serde(borrow, default)]
    names: Option<Names<'a>>,
}

#[derive(Default, Deserialize)]
struct Names<'a> {
    #[serde(default)]
    en: Option<&'a str>,
}

#[derive(Deserialize)]
struct Postal<'a> {
    #[serde(default)]
    code: Option<&'a str>,
}

#[derive(Default, Deserialize)]
struct Location<'a> {
    #[serde(default)]
    latitude: Option<f64>,
    #[serde(default)]
    longitude: Option<f64>,
    #[serde(default)]
    time_zone: Option<&'a str>,
}

/// A row of a database of owners of networks.
#[derive(Deserialize)]
pub(super) struct OwnerRow<'a> {
    #[serde(default)]
    organization: Option<&'a str>,
    #[serde(default)]
    isp: Option<&'a str>,
    #[serde(default)]
    autonomous_system_organization: Option<&'a str>,
}

impl<'a> PlaceRow<'a> {
    /// What it says, but for its source. Of nested regions the greatest counts.
    pub(super) fn place(self) -> Place<'a> {
        let country = self.country.unwrap_or_default();
        let region = self.subdivisions.unwrap_or_default().into_iter().next().unwrap_or_default();
        let city = self.city.unwrap_or_default();
        let location = self.location.unwrap_or_default();
        let finite = |degrees: Option<f64>| degrees.filter(|degrees| degrees.is_finite());
        Place {
            country: country.iso_code.or(self.country_code),
            country_name: country.names.and_then(|names| names.en),
            region: region.iso_code,
            region_name: region.names.and_then(|names| names.en),
            city: city.names.and_then(|names| names.en),
            postal_code: self.postal.and_then(|postal| postal.code),
            latitude: finite(location.latitude),
            longitude: finite(location.longitude),
            timezone: location.time_zone,
            source: "",
        }
    }
}

impl<'a> OwnerRow<'a> {
    /// The name that says most.
    pub(super) fn owner(self) -> Option<&'a str> {
        let owner = self.organization.or(self.isp).or(self.autonomous_system_organization);
        owner.filter(|owner| !owner.is_empty())
    }
}
