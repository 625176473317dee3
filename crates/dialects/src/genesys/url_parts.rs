//! Pages and referrers: an address, and its parts as the vendor names them.
//!
//! The parts are those of the text, neither decoded nor completed.
use serde_json::{Map, Value as Json};
use sessionary_core::{
    dictionary::field,
    signal::{Attributes, Fields},
};

use super::told::{Told, text};
use crate::enrich::{self, Medium, referrer::domain};

/// The parts of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts<'a> {
    hostname: &'a str,
    pathname: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Parts<'a> {
        let (rest, fragment) = split(url, '#');
        let (rest, query) = split(rest, '?');
        let (hostname, pathname) = match rest.split_once("://") {
            None => ("", rest),
            Some((_, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (host(authority), if path.is_empty() { "/" } else { path })
            }
        };
        Parts { hostname, pathname, query, fragment }
    }

    fn put(&self, told: &mut Told) {
        told.put("domain", domain(self.hostname));
        told.put("hostname", self.hostname);
        told.put("pathname", self.pathname);
        told.put_some("queryString", self.query);
        told.put_some("fragment", self.fragment);
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// The host without user and port.
fn host(authority: &str) -> &str {
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    }
}

/// The page that fields name, with what was sent beside its address; `None`: no page is known.
pub(super) fn page(fields: &Fields, attributes: &Attributes) -> Option<Json> {
    let url = text(fields, field::PAGE_URL)?;
    let title = text(fields, field::PAGE_TITLE);
    Some(with_kept(page_of(url, title), "genesys.page", url, attributes))
}

/// The page of an event that has none: the vendor's schema asks for one.
pub(super) fn no_page() -> Json {
    page_of("", None)
}

fn page_of(url: &str, title: Option<&str>) -> Json {
    let parts = Parts::of(url);
    let mut told = Told::default();
    told.put("url", url);
    told.put_some("title", title);
    parts.put(&mut told);
    let steps = parts.pathname.split('/').filter(|step| !step.is_empty());
    told.put("breadcrumb", steps.collect::<Vec<_>>());
    told.done()
}

/// The referrer that fields name. What the campaign says of the medium counts for more than what
/// the host is known for.
pub(super) fn referrer(fields: &Fields, attributes: &Attributes) -> Option<Json> {
    let url = text(fields, field::REFERRER)?;
    let page = text(fields, field::LANDING_URL).or_else(|| text(fields, field::PAGE_URL));
    let known = enrich::referrer(url, page.map(|page| Parts::of(page).hostname));
    let of_host = known.as_ref().map_or(Medium::Unknown, |known| known.medium);
    let of_campaign = medium_of_campaign(fields).filter(|_| of_host != Medium::Internal);
    let mut told = Told::default();
    told.put("url", url);
    Parts::of(url).put(&mut told);
    told.put_some("keywords", known.and_then(|known| known.keyword));
    told.put("medium", of_campaign.unwrap_or(of_host).word());
    Some(with_kept(told.done(), "genesys.referrer", url, attributes))
}

/// Media of a campaign that are paid for.
const PAID: [&str; 7] = ["cpc", "ppc", "paid", "paidsearch", "cpm", "display", "paid_social"];

/// How a visitor came, as far as the campaign says.
fn medium_of_campaign(fields: &Fields) -> Option<Medium> {
    let stated = text(fields, field::TRACKING_MEDIUM).map(str::to_lowercase);
    match stated.as_deref() {
        Some("email" | "e-mail") => Some(Medium::Email),
        Some("social") => Some(Medium::Social),
        Some(medium) if PAID.contains(&medium) => Some(Medium::Paid),
        _ => fields.contains_key(&field::CLICK_ID).then_some(Medium::Paid),
    }
}

/// Adds what was sent with this address; it knows better than what is computed.
fn with_kept(computed: Json, path: &str, url: &str, attributes: &Attributes) -> Json {
    let (Json::Object(mut told), Some(kept)) = (computed.clone(), attributes.get(path)) else {
        return computed;
    };
    let Json::Object(kept) = kept.to_json() else { return computed };
    let is_of_it = |kept: &Map<String, Json>| kept.get("url").is_none_or(|known| known == url);
    if is_of_it(&kept) {
        told.extend(kept.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Json::Object(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(url: &str, expected: &Expect) {
        let Parts { hostname, pathname, query, fragment } = Parts::of(url);
        expected.assert_eq(&format!("{hostname} {pathname} {query:?} {fragment:?}"));
    }

    #[test]
    fn an_address_is_divided_as_it_is_spelt() {
        check(
            "https://www.shop.example/a/b?c=d#e",
            &expect![[r#"www.shop.example /a/b Some("c=d") Some("e")"#]],
        );
        check("https://u:p@shop.example:8443", &expect!["shop.example / None None"]);
        check("http://[::1]:80/x", &expect!["::1 /x None None"]);
        check("https://shop.example?q=a/b", &expect![[r#"shop.example / Some("q=a/b") None"#]]);
        check("/cart#top", &expect![[r#" /cart None Some("top")"#]]);
        check("", &expect!["  None None"]);
    }
}
