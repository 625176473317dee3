//! Touches: the arrivals by a source or campaign inside a session.
use serde::{Deserialize, Serialize};

use crate::{
    dictionary::field,
    signal::{FieldNumber, Signal, kind},
    stamp::Stamped,
    time::UnixMillis,
};

/// One arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// When.
    #[serde(rename = "a")]
    pub at: UnixMillis,
    /// The signal that shows it.
    #[serde(rename = "k")]
    pub signal: Box<str>,
    /// How the source was found.
    #[serde(rename = "r")]
    pub rule: TouchRule,
    /// `utm_source`, or the referring host; `None` for a direct arrival.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<str>>,
    /// `utm_medium`, or `referral`.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<Box<str>>,
    /// Campaign id.
    #[serde(rename = "ci", default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<Box<str>>,
    /// Campaign name.
    #[serde(rename = "cn", default, skip_serializing_if = "Option::is_none")]
    pub campaign_name: Option<Box<str>>,
    /// Content.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<str>>,
    /// Term.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Box<str>>,
    /// Click id.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub click_id: Option<Box<str>>,
}

/// How the source of a touch was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchRule {
    /// The signal or its URL states source, medium, campaign or click id.
    Stated,
    /// The referrer is another site.
    Referrer,
    /// Neither: the session's first signal came directly.
    Direct,
}

/// The most touches that a session keeps; further ones are not new sources but noise.
const TOUCHES_MAX: usize = 100;

/// Adds the touch that a signal shows, if it is one: the first of a session always is, a later one
/// when its source differs from the last touch (a new source is a new touch, no split).
pub(crate) fn add(touches: &mut Vec<Touch>, stamped: &Stamped) {
    let touch = match arrival(touches, stamped) {
        None if touches.is_empty() && &*stamped.signal.kind != kind::DISPOSITION_POSTED => {
            blank(stamped, TouchRule::Direct)
        }
        Some(touch) if touches.len() < TOUCHES_MAX => touch,
        _ => return,
    };
    if touches.is_empty() {
        touches.reserve_exact(1);
    }
    touches.push(touch);
}

/// The arrival that a signal shows: it says where from, and that is not where the last came from.
pub(crate) fn arrival(touches: &[Touch], stamped: &Stamped) -> Option<Touch> {
    let signal = &stamped.signal;
    let parts = STATED.map(|number| signal.text(number));
    let is_stated = parts.iter().any(Option::is_some);
    // Most signals of a session state the same as its arrival.
    if is_stated && touches.last().is_some_and(|last| last.source_parts() == parts) {
        return None;
    }
    let touch = if is_stated { stated(stamped) } else { referred(stamped)? };
    let same = touches.last().is_some_and(|last| last.source_parts() == touch.source_parts());
    // An outcome that repeats where the visitor came from is no arrival of its own.
    let repeats =
        signal.claim.is_some() && touches.iter().any(|known| known.rule != TouchRule::Direct);
    (!same && !repeats).then_some(touch)
}

impl Touch {
    fn source_parts(&self) -> [Option<&str>; 5] {
        [&self.source, &self.medium, &self.campaign_id, &self.campaign_name, &self.click_id]
            .map(Option::as_deref)
    }
}

fn blank(stamped: &Stamped, rule: TouchRule) -> Touch {
    Touch {
        at: stamped.at,
        signal: stamped.signal.key.clone(),
        rule,
        source: None,
        medium: None,
        campaign_id: None,
        campaign_name: None,
        content: None,
        term: None,
        click_id: None,
    }
}

/// What says where an arrival came from, in the order of [`Touch::source_parts`].
const STATED: [FieldNumber; 5] = [
    field::TRACKING_SOURCE,
    field::TRACKING_MEDIUM,
    field::CAMPAIGN_ID,
    field::CAMPAIGN_NAME,
    field::CLICK_ID,
];

fn stated(stamped: &Stamped) -> Touch {
    let text = |number| stamped.signal.text(number).map(Box::<str>::from);
    Touch {
        source: text(field::TRACKING_SOURCE),
        medium: text(field::TRACKING_MEDIUM),
        campaign_id: text(field::CAMPAIGN_ID),
        campaign_name: text(field::CAMPAIGN_NAME),
        content: text(field::TRACKING_CONTENT),
        term: text(field::TRACKING_TERM),
        click_id: text(field::CLICK_ID),
        ..blank(stamped, TouchRule::Stated)
    }
}

fn referred(stamped: &Stamped) -> Option<Touch> {
    let signal = &stamped.signal;
    let host = host_of(signal.text(field::REFERRER)?)?;
    let own = own_host(signal);
    if own == Some(host) {
        return None;
    }
    Some(Touch {
        source: Some(host.into()),
        medium: Some("referral".into()),
        ..blank(stamped, TouchRule::Referrer)
    })
}

fn own_host(signal: &Signal) -> Option<&str> {
    let page = signal.text(field::PAGE_URL).or_else(|| signal.text(field::LANDING_URL));
    host_of(page?)
}

/// The host of an absolute URL, without `www.` and port.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let host = host.strip_prefix("www.").unwrap_or(host);
    (!host.is_empty()).then_some(host)
}
