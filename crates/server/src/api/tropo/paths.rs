//! Which URL of the application a post is for.
//!
//! The application's documents name where results go, mostly relative to the URL that it was
//! reached by. The platform resolves that against the URL that it knows, which is ours, so a post
//! arrives somewhere below or beside it. What the application meant is its own URL, resolved the same
//! way. Only URLs of the application's own origin are ever given.
use sessionary_dialects::tropo::Document;
use url::{Url, form_urlencoded};

/// Stands for our own origin, whatever name the platform knows it by.
const HERE: &str = "http://here.invalid";
/// The path that the platform is pointed at.
pub(super) const ROOT: &str = "/tropo";
/// The same with a key in the path, so that relative references keep it.
pub(super) const KEYED: &str = "/tropo/k/";

/// `next`s of one document that are remembered, and bytes of one.
const NEXTS_MAX: usize = 64;
const NEXT_BYTES_MAX: usize = 2_048;

/// Where a session was last.
#[derive(Clone, Debug)]
pub(super) struct Whereabouts {
    /// The URL that the platform posted to, as [`here`] gives it.
    here: Url,
    /// The URL of the application that it was passed on to.
    there: Url,
    /// Where the application wants results of its last document.
    nexts: Vec<String>,
}

impl Whereabouts {
    /// After the application answered at `there` what the platform had posted to `here`.
    pub(super) fn new(here: Url, there: Url, answer: &[u8]) -> Whereabouts {
        let document = Document::parse(answer).unwrap_or_default();
        let nexts = document.nexts().filter(|next| next.len() <= NEXT_BYTES_MAX).take(NEXTS_MAX);
        Whereabouts { here, there, nexts: nexts.map(str::to_owned).collect() }
    }
}

/// The URL of a request without our keys, under the origin that stands for ours.
pub(super) fn here(path: &str, query: Option<&str>) -> Option<Url> {
    let mut url = Url::parse(HERE).ok()?;
    url.set_path(path);
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let is_key = |name: &str| matches!(name, "write_key" | "key");
    if !pairs.clone().any(|(name, _)| is_key(&name)) {
        url.set_query(query.filter(|query| !query.is_empty()));
        return Some(url);
    }
    let kept: Vec<_> = pairs.filter(|(name, _)| !is_key(name)).collect();
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    Some(url)
}

/// The URL of the application for a post to `here`.
pub(super) fn there(relay: &Url, here: &Url, before: Option<&Whereabouts>) -> Url {
    let meant = before.and_then(|before| {
        before.nexts.iter().find_map(|next| {
            let leads_here = before.here.join(next).ok().is_some_and(|url| url == *here);
            let there = before.there.join(next).ok().filter(|_| leads_here)?;
            (there.origin() == relay.origin()).then_some(there)
        })
    });
    meant.unwrap_or_else(|| by_path(relay, here))
}

/// What stands behind our own path, taken as relative to the application's URL; a path beside ours
/// as it is.
fn by_path(relay: &Url, here: &Url) -> Url {
    let path = here.path();
    let keyed = path.strip_prefix(KEYED).map(|rest| rest.split_once('/').map_or("", |(_, r)| r));
    let below = keyed.or_else(|| path.strip_prefix(ROOT).and_then(below_root));
    let mut url = relay.clone();
    match below {
        Some("") => {}
        Some(rest) => {
            let folder = relay.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            url.set_path(&format!("{folder}/{}", rest.trim_start_matches('/')));
            url.set_query(None);
        }
        None => {
            url.set_path(path);
            url.set_query(None);
        }
    }
    if let Some(query) = here.query() {
        url.set_query(Some(query));
    }
    url
}

/// What follows `/tropo`, if it is that path or one below it.
fn below_root(rest: &str) -> Option<&str> {
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// The URL of the next document of a text session; `None`: it lies elsewhere.
pub(super) fn next(relay: &Url, there: &Url, next: &str) -> Option<Url> {
    there.join(next).ok().filter(|url| url.origin() == relay.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(uri: &str) -> Url {
        let (path, query) = uri.split_once('?').map_or((uri, None), |(p, q)| (p, Some(q)));
        here(path, query).unwrap()
    }

    fn check(relay: &str, before: Option<(&str, &str, &str)>, post: &str, expected: &str) {
        let relay = Url::parse(relay).unwrap();
        let before = before.map(|(here, there, next)| {
            let answer =
                serde_json::json!({"tropo": [{"on": {"event": "continue", "next": next}}]});
            Whereabouts::new(at(here), Url::parse(there).unwrap(), answer.to_string().as_bytes())
        });
        assert_eq!(there(&relay, &at(post), before.as_ref()).as_str(), expected, "{post}");
    }

    const APP: &str = "http://app.internal:7290/ivr/start.php?v=1";

    #[test]
    fn the_entry_is_the_application_s_own_url() {
        check(APP, None, "/tropo?write_key=k", APP);
        check(APP, None, "/tropo/k/key", APP);
        check(APP, None, "/tropo/k/key/", APP);
        check("http://app.internal:7290", None, "/tropo", "http://app.internal:7290/");
    }

    #[test]
    fn what_the_application_named_is_resolved_as_it_meant() {
        let first = |next| Some(("/tropo?write_key=k", APP, next));
        check(APP, first("/next"), "/next", "http://app.internal:7290/next");
        check(APP, first("next.php"), "/next.php", "http://app.internal:7290/ivr/next.php");
        check(
            APP,
            first("?step=2"),
            "/tropo?step=2",
            "http://app.internal:7290/ivr/start.php?step=2",
        );
        check(APP, first("a/../b?x=%20"), "/b?x=%20", "http://app.internal:7290/ivr/b?x=%20");
        let keyed = |next| Some(("/tropo/k/key/", APP, next));
        check(
            APP,
            keyed("next.php"),
            "/tropo/k/key/next.php",
            "http://app.internal:7290/ivr/next.php",
        );
        let deep = Some(("/a/b", "http://app.internal:7290/ivr/a/b", "c"));
        check(APP, deep, "/a/c", "http://app.internal:7290/ivr/a/c");
    }

    #[test]
    fn without_memory_the_path_decides() {
        check(
            APP,
            None,
            "/tropo/next.php?a=b&write_key=k",
            "http://app.internal:7290/ivr/next.php?a=b",
        );
        check(APP, None, "/tropo/k/key/x/y", "http://app.internal:7290/ivr/x/y");
        check(APP, None, "/next", "http://app.internal:7290/next");
        check(APP, None, "/tropology", "http://app.internal:7290/tropology");
        check(APP, None, "/tropo?step=2", "http://app.internal:7290/ivr/start.php?step=2");
    }

    #[test]
    fn no_post_leads_to_another_origin() {
        let evil = |next| Some(("/tropo", APP, next));
        check(APP, evil("http://169.254.169.254/x"), "/x", "http://app.internal:7290/x");
        check(APP, evil("//evil.example/x"), "/x", "http://app.internal:7290/x");
        check(APP, None, "//evil.example/x", "http://app.internal:7290//evil.example/x");
        check(APP, None, "/tropo//evil.example/x", "http://app.internal:7290/ivr/evil.example/x");
        let relay = Url::parse(APP).unwrap();
        assert_eq!(next(&relay, &relay, "http://evil.example/"), None);
        assert_eq!(next(&relay, &relay, "//evil.example/"), None);
        assert_eq!(next(&relay, &relay, "b").unwrap().as_str(), "http://app.internal:7290/ivr/b");
    }

    proptest! {
        #[test]
        fn every_post_stays_with_the_application(
            path in "/(tropo)?[/a-z@:.?#%\\\\]{0,16}", query in "[a-z=&/@:%]{0,12}", next in "\\PC{0,16}",
        ) {
            let relay = Url::parse(APP).unwrap();
            let before = Whereabouts { here: at("/tropo"), there: relay.clone(), nexts: vec![next] };
            let here = here(&path, Some(&query)).unwrap();
            prop_assert_eq!(there(&relay, &here, Some(&before)).origin(), relay.origin());
        }
    }
}
