//! Who is calling: finds the key in a request, and says what it may do.
//!
//! The tenant comes from the key, never from path or body (P15). Each way of failing has its own
//! code and sentence; none repeats what was sent.
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, Uri,
    header::{AUTHORIZATION, FORWARDED, HOST, ORIGIN},
    request::Parts,
    uri::Authority,
};
use sessionary_core::{signal::TenantId, time::UnixMillis};
use sessionary_engine::{
    access_tokens, hops,
    keys::{KeyKind, KeyRecord, KeyRing, KeyText, Scope, Standing},
};
use url::form_urlencoded;

use crate::{
    accept::Peer,
    limits::{Limits, Rates},
    problem::{Code, Problem},
    request_log::Notes,
};

/// The server's time, as the engine reads it.
pub type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// Where in the request a key stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The `Authorization` header.
    Header,
    /// `?write_key=`, `?writeKey=` or `?key=`; publishable keys only.
    Query,
    /// A path segment, as the Handshake's Action form has it.
    Path,
    /// The body, as some clients of the Segment family have it.
    Body,
}

/// A text that may be a key, and where it stood.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// The text; `Debug` hides it.
    pub text: String,
    /// Where it stood.
    pub place: Place,
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({:?})", self.place)
    }
}

/// A caller whose key was found good for what the route asks. An extension of the request, and an
/// argument of handlers whose row asks for a key.
#[derive(Clone)]
pub struct Caller {
    /// The key's record: tenant, scopes, defaults, strictness, name space.
    pub key: Arc<KeyRecord>,
    /// Where the key stood; none for the demo's caller without a key.
    pub place: Option<Place>,
    /// How often what it sends has gone out from here and come back, by its own count.
    pub hops: u32,
    address: Option<IpAddr>,
    limits: Arc<Limits>,
}

impl Caller {
    /// Whose data it is.
    pub fn tenant(&self) -> TenantId {
        self.key.tenant
    }

    /// Whether the key has one more scope than the row asked for.
    pub fn may(&self, scope: Scope) -> bool {
        self.key.scopes.contains(&scope)
    }

    /// Takes so many signals out of the caller's share, before any of them is accepted.
    ///
    /// # Errors
    /// 429 `rate_limited`.
    pub fn charge(&self, signals: usize) -> Result<(), Problem> {
        self.limits.charge(self.key.number, self.address, signals)
    }

    /// The same caller, whose signals are read by the settings of another key of the tenant: its
    /// source, currency, country, time zone and strictness.
    #[must_use]
    pub fn with_settings_of(&self, key: &KeyRecord) -> Caller {
        let settings = KeyRecord {
            source: key.source.clone(),
            currency: key.currency.clone(),
            country: key.country.clone(),
            timezone: key.timezone.clone(),
            strict: key.strict,
            ..(*self.key).clone()
        };
        Caller { key: Arc::new(settings), ..self.clone() }
    }

    /// Refuses a caller who lacks a scope.
    ///
    /// # Errors
    /// 403 `scope_missing`.
    pub fn demand(&self, scope: Scope) -> Result<(), Problem> {
        if self.may(scope) {
            return Ok(());
        }
        let (number, word) = (self.key.number, scope.word());
        Err(Code::ScopeMissing.because(format!("key {number} lacks the scope `{word}`")))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Caller, Response> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Problem::from(Code::KeyMissing).into_response())
    }
}

/// Admits callers.
#[derive(Clone)]
pub struct Gate {
    ring: Arc<KeyRing>,
    clock: Clock,
    limits: Arc<Limits>,
    demo_key: Arc<OnceLock<u32>>,
}

impl Gate {
    /// A gate that admits the keys of `ring`, by the time of `clock`, each to its share of `rates`.
    pub fn new(ring: Arc<KeyRing>, clock: Clock, rates: Rates) -> Gate {
        Gate { ring, clock, limits: Arc::new(Limits::new(rates)), demo_key: Arc::default() }
    }

    /// A gate that admits nobody, for a table that is only written down.
    pub(crate) fn closed() -> Gate {
        let ring = Arc::new(KeyRing::new([0; 32], []));
        Gate::new(ring, Arc::new(|| UnixMillis(0)), Rates::default())
    }

    /// Lets requests from this machine without a key act as key `number`. For the demo; a request
    /// that came through a proxy, or from a page that is not itself on this machine, does not count.
    pub fn open_to_this_machine(&self, number: u32) {
        let _ = self.demo_key.set(number);
    }

    /// The caller of a request whose key stands in the header or the query.
    ///
    /// # Errors
    /// 401 when there is no good key, 403 when it may not do this.
    pub fn caller(&self, parts: &Parts, scope: Scope) -> Result<Caller, Problem> {
        match presented(&parts.headers, &parts.uri)? {
            Some(presented) => self.admit(parts, &presented, scope),
            None => self.without_key(parts, scope),
        }
    }

    /// The caller of a request whose key the route found itself, in the path or the body. A key in
    /// the header goes first: ask [`presented`] before.
    ///
    /// # Errors
    /// As [`Gate::caller`].
    pub fn admit(
        &self,
        parts: &Parts,
        presented: &Presented,
        scope: Scope,
    ) -> Result<Caller, Problem> {
        let key = self.find(presented)?;
        match key.standing((self.clock)()) {
            Standing::Live => {}
            Standing::Expired => return Err(Code::KeyExpired.into()),
            Standing::Revoked => return Err(Code::KeyRevoked.into()),
        }
        let caller = self.known(parts, key, Some(presented.place));
        if let Some(origin) = origin(&parts.headers)
            && !caller.key.allows_origin(origin)
        {
            return Err(Code::OriginNotAllowed.into());
        }
        caller.demand(scope)?;
        Ok(caller)
    }

    /// The key that a client of another protocol sent as its password.
    ///
    /// # Errors
    /// As [`Gate::caller`].
    pub(crate) fn admit_password(
        &self,
        password: &str,
        scope: Scope,
    ) -> Result<Arc<KeyRecord>, Problem> {
        let presented = Presented { text: password.to_owned(), place: Place::Header };
        let key = self.find(&presented)?;
        self.good(key, scope)
    }

    /// The key as which a client on this machine acts that sends none. For the demo.
    pub(crate) fn of_this_machine(&self, address: IpAddr, scope: Scope) -> Option<Arc<KeyRecord>> {
        let number = self.demo_key.get().filter(|_| address.to_canonical().is_loopback())?;
        self.still_good(*number, scope).ok()
    }

    /// The key of a connection that goes on, if it may still do this.
    ///
    /// # Errors
    /// 401 when it was revoked or has expired, 403 when it lacks the scope.
    pub(crate) fn still_good(&self, number: u32, scope: Scope) -> Result<Arc<KeyRecord>, Problem> {
        self.good(self.ring.get(number).ok_or(Code::KeyUnknown)?, scope)
    }

    fn good(&self, key: Arc<KeyRecord>, scope: Scope) -> Result<Arc<KeyRecord>, Problem> {
        match key.standing((self.clock)()) {
            Standing::Live => {}
            Standing::Expired => return Err(Code::KeyExpired.into()),
            Standing::Revoked => return Err(Code::KeyRevoked.into()),
        }
        if key.scopes.contains(&scope) {
            return Ok(key);
        }
        let (number, word) = (key.number, scope.word());
        Err(Code::ScopeMissing.because(format!("key {number} lacks the scope `{word}`")))
    }

    /// The key that a text is, or that an access token stands for, whatever its standing.
    fn find(&self, presented: &Presented) -> Result<Arc<KeyRecord>, Problem> {
        if presented.text.starts_with(access_tokens::PREFIX) {
            return self.find_by_token(presented);
        }
        let text = KeyText::parse(&presented.text)
            .map_err(|error| Code::KeyMalformed.because(error.to_string()))?;
        if presented.place == Place::Query && text.kind() == KeyKind::Secret {
            return Err(Code::SecretInUrl.into());
        }
        Ok(self.ring.find(&text).ok_or(Code::KeyUnknown)?)
    }

    fn find_by_token(&self, presented: &Presented) -> Result<Arc<KeyRecord>, Problem> {
        if presented.place != Place::Header {
            return Err(Code::SecretInUrl.because("an access token belongs into the header"));
        }
        let (key, ends_at) = self.ring.find_by_token(&presented.text).ok_or(Code::KeyUnknown)?;
        if ends_at <= (self.clock)() {
            return Err(Code::KeyExpired.because("the access token has ended; ask for a new one"));
        }
        Ok(key)
    }

    fn without_key(&self, parts: &Parts, scope: Scope) -> Result<Caller, Problem> {
        let demo_key = self.demo_key.get().filter(|_| is_from_this_machine(parts));
        let key = demo_key.and_then(|number| self.ring.get(*number)).ok_or(Code::KeyMissing)?;
        let caller = self.known(parts, key, None);
        caller.demand(scope)?;
        Ok(caller)
    }

    fn known(&self, parts: &Parts, key: Arc<KeyRecord>, place: Option<Place>) -> Caller {
        if let Some(notes) = parts.extensions.get::<Notes>() {
            notes.key(key.number);
        }
        let address = parts.extensions.get::<Peer>().map(|Peer(address)| address.ip());
        let hops = parts.headers.get(hops::HEADER).and_then(|count| count.to_str().ok());
        let hops = hops.and_then(|count| count.trim().parse().ok()).unwrap_or(0);
        Caller { key, place, hops, address, limits: Arc::clone(&self.limits) }
    }
}

/// How a key in the query is called; the second by `RudderStack`'s library for browsers.
const IN_QUERY: [&str; 3] = ["write_key", "writeKey", "key"];

/// The key text in the header, else in the query. `None` when there is nothing that could be one.
///
/// # Errors
/// 401 `key_malformed` for an `Authorization` that cannot be read.
pub fn presented(headers: &HeaderMap, uri: &Uri) -> Result<Option<Presented>, Problem> {
    if let Some(header) = headers.get(AUTHORIZATION) {
        let header = header.to_str().ok().and_then(in_authorization);
        let malformed = || Code::KeyMalformed.because("send `Bearer KEY` or `Basic base64(KEY:)`");
        let text = header.ok_or_else(malformed)?;
        return Ok((!text.is_empty()).then_some(Presented { text, place: Place::Header }));
    }
    let mut pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let text = pairs.find(|(name, _)| IN_QUERY.contains(&&**name));
    Ok(text.map(|(_, text)| Presented { text: text.into_owned(), place: Place::Query }))
}

/// `Bearer KEY`, or Basic with the key as user name.
fn in_authorization(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
    let (user, _password) = decoded.split_once(':').unwrap_or((&decoded, ""));
    Some(user.to_owned())
}

fn origin(headers: &HeaderMap) -> Option<&str> {
    headers.get(ORIGIN)?.to_str().ok()
}

/// Whether the request was made on this machine, by a program or by a page of this machine. A name
/// that merely resolves to this machine does not count: a page elsewhere could have it.
fn is_from_this_machine(parts: &Parts) -> bool {
    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    let headers = &parts.headers;
    let peer = parts.extensions.get::<Peer>();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let page = origin(headers).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    peer.is_some_and(|Peer(address)| address.ip().to_canonical().is_loopback())
        && host.is_some_and(is_loopback_host)
        && page.is_none_or(is_loopback_host)
        && !headers.contains_key(FORWARDED_FOR)
        && !headers.contains_key(FORWARDED)
}

fn is_loopback_host(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use std::collections::BTreeSet;

    fn ring() -> (Arc<KeyRing>, Vec<String>) {
        let ring = KeyRing::new([7; 32], []);
        let mut texts = Vec::new();
        let mut add = |kind, adjust: fn(&mut KeyRecord)| {
            let number = u8::try_from(texts.len() + 1).unwrap();
            let text = KeyText::from_random(kind, [number; 32]);
            let mut record = ring.record(&text, TenantId(1), "shop");
            adjust(&mut record);
            ring.put(record);
            texts.push(text.reveal().to_owned());
        };
        add(KeyKind::Secret, |_| {});
        add(KeyKind::Publishable, |key| key.origins = vec!["https://shop.example".into()]);
        add(KeyKind::Secret, |key| key.expires_at = Some(UnixMillis(99)));
        add(KeyKind::Secret, |key| key.revoked_at = Some(UnixMillis(5)));
        add(KeyKind::Secret, |key| key.scopes = BTreeSet::from([Scope::Export]));
        (Arc::new(ring), texts)
    }

    /// `K1` to `K5` in the head stand for the keys, `B1` for the Basic form of the first.
    fn outcome(gate: &Gate, uri: &str, head: &[(&str, &str)], peer: &str, scope: Scope) -> String {
        let (_, texts) = ring();
        let fill = |text: &str| {
            let basic = BASE64_STANDARD.encode(format!("{}:", texts[0]));
            let text = text.replace("B1", &basic);
            (1..=5).fold(text, |text, n| text.replace(&format!("K{n}"), &texts[n - 1]))
        };
        let mut request = Request::builder().uri(fill(uri));
        for (name, value) in head {
            request = request.header(*name, fill(value));
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(Peer(peer.parse().unwrap()));
        match gate.caller(&parts, scope) {
            Ok(caller) => format!("key {}", caller.key.number),
            Err(problem) => problem.code.word().to_owned(),
        }
    }

    fn gate() -> Gate {
        Gate::new(ring().0, Arc::new(|| UnixMillis(100)), Rates::default())
    }

    fn check(uri: &str, head: &[(&str, &str)], expected: &str) {
        let got = outcome(&gate(), uri, head, "10.0.0.1:1", Scope::SignalsWrite);
        assert_eq!(got, expected, "{uri} {head:?}");
    }

    #[test]
    fn where_a_key_is_found() {
        check("/", &[("authorization", "Bearer K1")], "key 1");
        check("/", &[("authorization", "bearer  K1")], "key 1");
        check("/", &[("authorization", "Basic B1")], "key 1");
        check("/?key=K2", &[], "key 2");
        check("/?a=b&write_key=K2", &[], "key 2");
        check("/?p=npm&writeKey=K2", &[], "key 2");
        check("/?key=K2", &[("authorization", "Bearer K1")], "key 1");
        check("/?write_key=K1", &[], "secret_in_url");
    }

    #[test]
    fn each_failure_has_its_own_code() {
        check("/", &[], "key_missing");
        check("/", &[("authorization", "Basic Og==")], "key_missing");
        check("/", &[("authorization", "Bearer sny_sk_x")], "key_malformed");
        check("/", &[("authorization", "Basic ###")], "key_malformed");
        check("/", &[("authorization", "Digest x")], "key_malformed");
        check("/", &[("authorization", "Bearer K3")], "key_expired");
        check("/", &[("authorization", "Bearer K4")], "key_revoked");
        check("/", &[("authorization", "Bearer K5")], "scope_missing");
        let unknown = KeyText::from_random(KeyKind::Secret, [99; 32]);
        check("/", &[("authorization", &format!("Bearer {}", unknown.reveal()))], "key_unknown");
    }

    #[test]
    fn an_access_token_stands_for_its_key_until_it_ends() {
        let token = |number, ends| {
            let token = gate().ring.issue_token(number, UnixMillis(ends));
            format!("Bearer {token}")
        };
        check("/", &[("authorization", &token(1, 101))], "key 1");
        check("/", &[("authorization", &token(1, 100))], "key_expired");
        check("/", &[("authorization", &token(3, 101))], "key_expired");
        check("/", &[("authorization", &token(4, 101))], "key_revoked");
        check("/", &[("authorization", &token(5, 101))], "scope_missing");
        check("/", &[("authorization", &token(9, 101))], "key_unknown");
        check("/", &[("authorization", &format!("{}x", token(1, 101)))], "key_unknown");
        check(&format!("/?key={}", &token(1, 101)[7..]), &[], "secret_in_url");
    }

    #[test]
    fn a_publishable_key_appends_from_listed_pages_and_does_nothing_else() {
        check("/?key=K2", &[("origin", "https://shop.example")], "key 2");
        check("/?key=K2", &[("origin", "https://evil.example")], "origin_not_allowed");
        check("/?key=K2", &[("origin", "null")], "origin_not_allowed");
        let head = [("authorization", "Bearer K2")];
        let read = outcome(&gate(), "/", &head, "10.0.0.1:1", Scope::SessionsRead);
        assert_eq!(read, "scope_missing");
    }

    #[test]
    fn the_demo_opens_to_this_machine_only() {
        let gate = gate();
        let local = [("host", "localhost:8080")];
        let ask = |head: &[(&str, &str)], peer: &str| {
            outcome(&gate, "/", head, peer, Scope::SessionsRead)
        };
        assert_eq!(ask(&local, "127.0.0.1:1"), "key_missing");
        gate.open_to_this_machine(1);
        assert_eq!(ask(&local, "127.0.0.1:1"), "key 1");
        assert_eq!(ask(&[("host", "[::1]:80")], "[::1]:1"), "key 1");
        assert_eq!(ask(&local, "10.0.0.1:1"), "key_missing");
        assert_eq!(ask(&[("host", "rebound.example")], "127.0.0.1:1"), "key_missing");
        let with = |name, value| [local[0], (name, value)];
        assert_eq!(ask(&with("origin", "http://127.0.0.1:5173"), "127.0.0.1:1"), "key 1");
        assert_eq!(ask(&with("origin", "https://evil.example"), "127.0.0.1:1"), "key_missing");
        assert_eq!(ask(&with("x-forwarded-for", "8.8.8.8"), "127.0.0.1:1"), "key_missing");
        assert_eq!(ask(&with("authorization", "Bearer x"), "127.0.0.1:1"), "key_malformed");
    }
}
