//! What somebody wants a destination to be, and whether it can be that.
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use sessionary_core::{
    destination::{Destination, Filter},
    dictionary::PiiClass,
    mask::Withheld,
    parcel::{DestinationId, Trigger},
    signal::TenantId,
    time::{Millis, UnixMillis},
};
use sessionary_deliver::{Kind, new_webhook_secret};
use sessionary_dialects::Format;
use sessionary_engine::{destinations::Destinations, sealing::Sealer};

use super::App;
use crate::problem::{Code, Problem};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 120;
/// The longest wait before the first delivery: half a year.
const AFTER_MAX: Millis = Millis::from_days(183);

/// The members of a request, each of them optional.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    name: Option<String>,
    kind: Option<String>,
    url: Option<String>,
    format: Option<String>,
    when: Option<String>,
    #[serde(default)]
    after_ms: Given<i64>,
    filter: Option<Value>,
    withhold: Option<Vec<String>>,
    options: Option<Map<String, Value>>,
    #[serde(default)]
    secret: Given<String>,
    enabled: Option<bool>,
    pub(super) version: Option<u32>,
}

/// A member that may be null, which is something else than absent.
#[derive(Default)]
enum Given<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Given<T>, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Given::Null, Given::Value))
    }
}

fn wrong(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::from(Code::Unprocessable).at(pointer, detail)
}

fn one_of<T: Copy>(
    pointer: &str,
    got: &str,
    all: &[T],
    word: fn(T) -> &'static str,
) -> Result<T, Problem> {
    let words = || all.iter().map(|one| word(*one)).collect::<Vec<_>>().join(", ");
    let shown = || got.chars().take(40).collect::<String>();
    let found = all.iter().copied().find(|one| word(*one) == got);
    found.ok_or_else(|| wrong(pointer, format!("{:?} came; send one of {}", shown(), words())))
}

impl Wish {
    /// Reads a body.
    pub(super) fn read(bytes: &[u8]) -> Result<Wish, Problem> {
        // Well-formed JSON that does not fit is something else than no JSON.
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Code::UnreadableBody.because(error.to_string()))?;
        Wish::of(value)
    }

    /// Reads members.
    pub(super) fn of(value: Value) -> Result<Wish, Problem> {
        serde_json::from_value(value)
            .map_err(|error| Code::Unprocessable.because(error.to_string()))
    }

    /// The name, where it is there.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref().map(str::trim)
    }

    /// The destination that it asks for, and the secret that was made for it.
    pub(super) fn new_destination(
        self,
        sealer: &Sealer,
        tenant: TenantId,
        id: DestinationId,
        now: UnixMillis,
    ) -> Result<(Destination, Option<String>), Problem> {
        for (member, is_there) in [
            ("/name", self.name.is_some()),
            ("/kind", self.kind.is_some()),
            ("/url", self.url.is_some()),
        ] {
            if !is_there {
                return Err(wrong(member, "it is missing; a destination needs name, kind and url"));
            }
        }
        let kind = one_of("/kind", self.kind.as_deref().unwrap_or(""), &Kind::ALL, Kind::word)?;
        let blank = Destination {
            id,
            name: "".into(),
            kind: kind.word().into(),
            url: "".into(),
            format: default_format(kind).word().into(),
            when: default_when(kind),
            after: None,
            filter: Filter::default(),
            withheld: Withheld::default(),
            options: "".into(),
            secret: Box::default(),
            enabled: true,
            disabled_because: None,
            version: 0,
            created_at: now,
            modified_at: now,
        };
        let has_secret = matches!(&self.secret, Given::Value(secret) if !secret.is_empty());
        let mut destination = self.changed(sealer, tenant, blank, now)?;
        let made = (kind == Kind::Webhook && !has_secret).then(new_webhook_secret);
        if let Some(made) = &made {
            destination.secret = sealer.seal(tenant, id, made);
        }
        Ok((destination, made))
    }

    /// A destination with what is asked for changed.
    pub(super) fn changed(
        self,
        sealer: &Sealer,
        tenant: TenantId,
        mut destination: Destination,
        now: UnixMillis,
    ) -> Result<Destination, Problem> {
        self.change_place(&mut destination)?;
        if let Some(word) = &self.when {
            destination.when = one_of("/when", word, &Trigger::ALL, Trigger::word)?;
        }
        destination.after = match self.after_ms {
            Given::Absent => destination.after,
            Given::Null => None,
            Given::Value(after) if (0..=AFTER_MAX.0).contains(&after) => Some(Millis(after)),
            Given::Value(_) => {
                let detail = format!("send milliseconds from 0 to {}, or null", AFTER_MAX.0);
                return Err(wrong("/after_ms", detail));
            }
        };
        if let Some(filter) = self.filter {
            destination.filter = read_filter("/filter", filter)?;
        }
        if let Some(words) = &self.withhold {
            let classes =
                words.iter().map(|word| one_of("/withhold", word, &PiiClass::ALL, PiiClass::word));
            destination.withheld = Withheld::of(classes.collect::<Result<Vec<_>, _>>()?);
        }
        match self.secret {
            Given::Absent => {}
            Given::Value(secret) if !secret.is_empty() => {
                destination.secret = sealer.seal(tenant, destination.id, &secret);
            }
            Given::Null | Given::Value(_) => destination.secret = Box::default(),
        }
        if let Some(enabled) = self.enabled {
            destination.enabled = enabled;
            destination.disabled_because = None;
        }
        destination.modified_at = now;
        Ok(destination)
    }

    /// What and where it is.
    fn change_place(&self, destination: &mut Destination) -> Result<(), Problem> {
        if let Some(name) = &self.name {
            let chars = name.trim().chars().count();
            if !(1..=NAME_CHARS_MAX).contains(&chars) || name.chars().any(char::is_control) {
                return Err(wrong("/name", format!("send 1 to {NAME_CHARS_MAX} characters")));
            }
            destination.name = name.trim().into();
        }
        if let Some(word) = &self.kind {
            let kind = one_of("/kind", word, &Kind::ALL, Kind::word)?;
            destination.kind = kind.word().into();
        }
        if let Some(url) = &self.url {
            destination.url = url.trim().into();
        }
        if let Some(word) = &self.format {
            let format = one_of("/format", word, Format::ALL, Format::word)?;
            destination.format = format.word().into();
        }
        if let Some(options) = &self.options {
            destination.options = Value::Object(options.clone()).to_string().into();
        }
        Ok(())
    }
}

fn default_format(kind: Kind) -> Format {
    if kind == Kind::Tropo { Format::Tropo } else { Format::Canonical }
}

fn default_when(kind: Kind) -> Trigger {
    if kind == Kind::Tropo { Trigger::Begin } else { Trigger::Final }
}

/// Reads a filter.
pub(in crate::api) fn read_filter(pointer: &str, filter: Value) -> Result<Filter, Problem> {
    // The library would take a list for an object.
    let is_object = filter.is_object().then_some(()).ok_or("it is no object".to_owned());
    let read =
        is_object.and_then(|()| serde_json::from_value(filter).map_err(|error| error.to_string()));
    read.map_err(|error| {
        let detail = format!(
            "{error}; send an object with some of type, channel, disposition_class, \
             disposition_code and source, each one value or a list"
        );
        wrong(pointer, detail)
    })
}

/// Whether a destination can be what it shall be: its name is free, and what it says holds on this
/// server.
pub(super) fn checked(
    app: &App,
    tenant: TenantId,
    known: &Destinations,
    destination: &Destination,
) -> Result<(), Problem> {
    let taken = known.iter().any(|one| one.id != destination.id && one.name == destination.name);
    if taken {
        let detail = format!("there is a destination named {:?} already", destination.name);
        return Err(Code::AlreadyExists.because(detail));
    }
    match app.delivery.target(tenant, destination) {
        Ok(_) => Ok(()),
        Err(error) => Err(wrong(&error.pointer, error.message)),
    }
}

/// A destination with a new secret beside the newest that it has, and the new one.
pub(super) fn rotated(
    sealer: &Sealer,
    tenant: TenantId,
    mut destination: Destination,
    now: UnixMillis,
) -> Result<(Destination, String), Problem> {
    if *destination.kind != *Kind::Webhook.word() {
        let detail = "only webhooks have secrets that are made here; change `secret` instead";
        return Err(Code::Unprocessable.because(detail));
    }
    let made = new_webhook_secret();
    // A secret that does not decrypt here is of no use beside the new one.
    let before = sealer.open(tenant, destination.id, &destination.secret).unwrap_or_default();
    let newest = before.split([' ', ',', '\n']).find(|key| !key.is_empty());
    let both = [Some(&*made), newest].into_iter().flatten().collect::<Vec<_>>().join(" ");
    destination.secret = sealer.seal(tenant, destination.id, &both);
    destination.modified_at = now;
    Ok((destination, made))
}
