//! Access logs of Apache and nginx, common and combined format: a line is a signal.
//!
//! A request that showed a page is `page_viewed`, any other `request_made`. A line has no id, so its
//! key is the digest of what it says and its ordinal among identical lines.
use std::{net::IpAddr, ops::RangeInclusive};

use serde_json::Value as Json;
use sessionary_core::{
    channel::Channel,
    dictionary::field,
    identity::Identity,
    signal::{Attributes, Fields, Signal, kind},
    value::{RawJson, Value},
};

use crate::{enrich::bots, identical::Identical};

mod line;
use line::Line;
pub use line::LineProblem;

/// The type of a request that showed no page.
pub const REQUEST_MADE: &str = "request_made";

/// How lines are read.
#[derive(Clone, Debug)]
pub struct AccessLogSettings {
    /// What makes a visitor.
    pub visitor: Visitor,
    /// Which requests show a page.
    pub page: PageRule,
    /// `https://host` that paths are completed with; a log does not say its own host.
    pub site: Option<Box<str>>,
    /// The name space of the signals.
    pub source: Box<str>,
}

impl Default for AccessLogSettings {
    fn default() -> AccessLogSettings {
        AccessLogSettings {
            visitor: Visitor::AddressAndAgent,
            page: PageRule::default(),
            site: None,
            source: "access-log".into(),
        }
    }
}

/// What makes a visitor of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visitor {
    /// Address and user agent, by the rule for signals that bring no identity.
    #[default]
    AddressAndAgent,
    /// The address alone, as a device.
    Address,
}

impl Visitor {
    /// Reads `address` or `address+agent`.
    pub fn from_word(word: &str) -> Option<Visitor> {
        match word {
            "address" => Some(Visitor::Address),
            "address+agent" => Some(Visitor::AddressAndAgent),
            _ => None,
        }
    }
}

/// Which requests show a page: a fit status, and a target that does not name an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRule {
    /// Statuses of a page.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Endings of assets, without the dot, looked for before `?` and at the end; case counts.
    pub asset_suffixes: Vec<Box<str>>,
}

impl Default for PageRule {
    /// Status 2xx or 304.
    fn default() -> PageRule {
        PageRule { statuses: vec![200..=299, 304..=304], ..PageRule::any_status() }
    }
}

impl PageRule {
    /// Every status: what is not an asset is a page, also one that was not found.
    pub fn any_status() -> PageRule {
        let suffixes =
            ["png", "jpg", "jpeg", "gif", "css", "js", "ico", "svg", "woff", "woff2", "ttf", "map"];
        let asset_suffixes = suffixes.into_iter().map(Box::from).collect();
        PageRule { statuses: vec![0..=u16::MAX], asset_suffixes }
    }

    /// Whether a request for `target` that ended with `status` showed a page.
    pub fn is_page(&self, status: u16, target: &str) -> bool {
        self.statuses.iter().any(|statuses| statuses.contains(&status)) && !self.is_asset(target)
    }

    fn is_asset(&self, target: &str) -> bool {
        let is_suffix = |suffix: &str| self.asset_suffixes.iter().any(|asset| **asset == *suffix);
        let ends = target.split(['?', ' ']).filter_map(|part| part.rsplit_once('.'));
        ends.map(|(_, suffix)| suffix).any(is_suffix)
    }
}

/// A line that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}; got {:?}", clip(raw))]
pub struct LineError {
    /// Number of the line, from 1.
    pub line: u64,
    /// What is wrong.
    pub problem: LineProblem,
    /// The whole line.
    pub raw: String,
}

fn clip(raw: &str) -> &str {
    raw.char_indices().nth(200).map_or(raw, |(end, _)| raw.split_at(end).0)
}

/// A reader of lines; remembers which it has seen, to number identical ones.
#[derive(Debug, Default)]
pub struct AccessLog {
    settings: AccessLogSettings,
    identical: Identical,
}

impl AccessLog {
    /// A reader that has seen nothing.
    pub fn new(settings: AccessLogSettings) -> AccessLog {
        AccessLog { settings, identical: Identical::default() }
    }

    /// The signal of line number `line`. `None`: the line is empty. Bytes that are not UTF-8 are
    /// replaced.
    ///
    /// # Errors
    /// A line that is neither of the two formats.
    pub fn decode(&mut self, line: u64, bytes: &[u8]) -> Result<Option<Signal>, LineError> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let parsed = Line::parse(text);
        let parsed = parsed.map_err(|problem| LineError { line, problem, raw: text.to_owned() })?;
        let mut signal = self.settings.signal(&parsed);
        signal.key = self.identical.key(&signal);
        Ok(Some(signal))
    }
}

impl AccessLogSettings {
    fn signal(&self, line: &Line<'_>) -> Signal {
        let (method, target, protocol) = request_parts(&line.request);
        let is_page = target.is_some_and(|target| self.page.is_page(line.status, target));
        let address = match line.client.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => line.client.to_owned(),
        };

        let mut fields = Fields::new();
        let mut keep = |number, text: Option<&str>| {
            fields.extend(text.map(|text| (number, Value::Text(text.into()))));
        };
        keep(field::REMOTE_IP, Some(&address));
        keep(field::USER_AGENT, line.user_agent.as_deref());
        keep(field::REFERRER, line.referrer.as_deref());
        keep(field::PAGE_URL, target.map(|target| self.url(target)).as_deref());
        keep(field::OCCURRED_PRECISION, Some("s"));

        let mut attributes = Attributes::new();
        let mut tell = |path: &str, value: Option<Json>| {
            attributes.extend(value.map(|value| (path.into(), RawJson::of(&value))));
        };
        tell("request.status", Some(line.status.into()));
        tell("request.bytes", line.bytes.map(Json::from));
        tell("request.method", method.map(Json::from));
        tell("request.protocol", protocol.map(Json::from));
        tell("request.user", line.user.map(Json::from));
        tell("request.line", target.is_none().then(|| Json::from(&*line.request)));
        tell("request.rest", line.rest.map(Json::from));
        tell("request.agent_cut_short", line.agent_cut_short.as_deref().map(Json::from));

        let device = (self.visitor == Visitor::Address).then(|| Identity::new("device", &address));
        let cut_short = line.agent_cut_short.is_some().then(|| "line_cut_short".into());
        Signal {
            key: "".into(),
            kind: if is_page { kind::PAGE_VIEWED } else { REQUEST_MADE }.into(),
            occurred_at: Some(line.at.clone()),
            sent_at: None,
            sequence: 0,
            channel: Some(Channel::Web),
            session_type: None,
            source: self.source.clone(),
            session: None,
            identities: device.into_iter().collect(),
            claim: None,
            fields,
            attributes,
            warnings: cut_short.into_iter().collect(),
        }
    }

    fn url(&self, target: &str) -> String {
        match &self.site {
            Some(site) if target.starts_with('/') => {
                format!("{}{target}", site.trim_end_matches('/'))
            }
            _ => target.to_owned(),
        }
    }
}

/// Method, target and protocol of a request line; none of them if it is not one, as scanners send.
fn request_parts(request: &str) -> (Option<&str>, Option<&str>, Option<&str>) {
    let is_method = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase());
    match request.split_once(' ').filter(|(method, _)| is_method(method)) {
        None => (None, None, None),
        // A target may hold spaces that the client should have escaped.
        Some((method, rest)) => match rest.rsplit_once(' ') {
            Some((target, protocol)) if protocol.starts_with("HTTP/") => {
                (Some(method), Some(target), Some(protocol))
            }
            _ => (Some(method), Some(rest), None),
        },
    }
}

/// Which signals of a log are wanted: `--only humans,pages`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// Leave out agents that the bundled rules mark as machines.
    pub humans: bool,
    /// Leave out what is not `page_viewed`.
    pub pages: bool,
}

impl Only {
    /// Whether `signal` is wanted.
    pub fn keeps(self, signal: &Signal) -> bool {
        let machine = || signal.text(field::USER_AGENT).and_then(bots::classify).is_some();
        let unwanted = self.pages && &*signal.kind != kind::PAGE_VIEWED || self.humans && machine();
        !unwanted
    }
}

impl std::str::FromStr for Only {
    type Err = String;

    fn from_str(words: &str) -> Result<Only, String> {
        let mut only = Only::default();
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "humans" => only.humans = true,
                "pages" => only.pages = true,
                other => {
                    return Err(format!("{other:?} is not a filter; use humans, pages or both"));
                }
            }
        }
        Ok(only)
    }
}

#[cfg(test)]
mod tests;
