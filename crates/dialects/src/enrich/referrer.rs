//! Where a visitor came from: the parts of a referrer, its medium, and the words searched for.
//!
//! Computed from the text and a small table of our own ([`hosts`]); a host that the table does not
//! know is of unknown medium.
use url::Url;

mod hosts;

/// How the visitor was led here, in Genesys' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// From a page of the same site.
    Internal,
    /// From the results of a search.
    Search,
    /// From a network of people.
    Social,
    /// From mail read in a browser.
    Email,
    /// From an advertisement.
    Paid,
    /// From a page that is none of these, as far as we know.
    Unknown,
}

impl Medium {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Medium::Internal => "internal",
            Medium::Search => "search",
            Medium::Social => "social",
            Medium::Email => "email",
            Medium::Paid => "paid",
            Medium::Unknown => "unknown",
        }
    }
}

/// A referrer and its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The host without what stands before the registered name, such as `example.co.uk`.
    pub domain: String,
    /// The whole host, in lower case.
    pub hostname: String,
    /// The path, `/` at least.
    pub pathname: String,
    /// What stands behind the `?`, if anything does.
    pub query: Option<String>,
    /// What stands behind the `#`, if anything does.
    pub fragment: Option<String>,
    /// How the visitor was led here.
    pub medium: Medium,
    /// The name of the site, such as `Google`, where the table knows it.
    pub name: Option<&'static str>,
    /// The words searched for; engines tell them seldom.
    pub keyword: Option<String>,
}

/// Takes a referrer apart; `own_host` is the host of the page that was entered. A text that is no
/// web address has no parts; an app's (`android-app://…`) has.
pub fn referrer(url: &str, own_host: Option<&str>) -> Option<Referrer> {
    let parsed = Url::parse(url.trim()).ok()?;
    let hostname = parsed.host_str().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    let domain = domain(&hostname).to_owned();
    let own = own_host.map(str::to_ascii_lowercase);
    let is_own = own.as_deref().is_some_and(|own| self::domain(own) == domain);
    let known = hosts::known(&hostname, parsed.path()).filter(|_| !is_own);
    let (medium, name, parameter) = match known {
        _ if is_own => (Medium::Internal, None, ""),
        Some(host) => (host.medium, Some(host.name), host.parameter),
        None => (Medium::Unknown, None, ""),
    };
    let keyword = (!parameter.is_empty()).then(|| {
        let mut pairs = parsed.query_pairs();
        pairs.find_map(|(name, value)| (name == parameter).then(|| value.trim().to_owned()))
    });
    let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(Referrer {
        pathname: part(parsed.path()).unwrap_or_else(|| "/".to_owned()),
        query: parsed.query().and_then(part),
        fragment: parsed.fragment().and_then(part),
        medium,
        name,
        keyword: keyword.flatten().filter(|words| !words.is_empty()),
        domain,
        hostname,
    })
}

/// Second labels under which countries register names, as in `example.co.uk`.
const SHARED: [&str; 10] = ["co", "com", "org", "net", "gov", "edu", "ac", "ne", "or", "go"];

/// The registered name of a host, by its last labels; an address stands for itself.
pub(crate) fn domain(host: &str) -> &str {
    if host.starts_with('[') || host.ends_with(|last: char| last.is_ascii_digit()) {
        return host;
    }
    let host = host.trim_end_matches('.');
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return host };
    let country = host.len() - last == 3;
    let label = host.get(second + 1..last).unwrap_or_default();
    let begin = match (country && SHARED.contains(&label), dots.next()) {
        (true, Some(third)) => third + 1,
        (true, None) => 0,
        (false, _) => second + 1,
    };
    host.get(begin..).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(urls: &[&str], expected: &Expect) {
        let told = urls.iter().map(|url| match referrer(url, Some("www.shop.co.uk")) {
            Some(found) => format!(
                "{} {} {} {} {}\n",
                found.medium.word(),
                found.name.unwrap_or("-"),
                found.domain,
                found.pathname,
                found.keyword.as_deref().unwrap_or("-"),
            ),
            None => "none\n".to_owned(),
        });
        expected.assert_eq(&told.collect::<String>());
    }

    #[test]
    fn a_medium_is_told() {
        check(
            &[
                "https://www.google.com/",
                "https://www.google.co.uk/search?q=red+shoes&hl=en",
                "https://news.google.com/articles/1",
                "https://mail.google.com/mail/u/0/",
                "https://www.bing.com/search?q=caf%C3%A9",
                "https://yandex.ru/search/?text=%D0%BA%D0%BE%D1%82",
                "https://duckduckgo.com/",
                "https://search.yahoo.com/search?p=x",
                "https://l.facebook.com/l.php?u=x",
                "https://t.co/abc",
                "android-app://com.google.android.gm/",
                "https://googleads.g.doubleclick.net/pagead/ads?x=1",
                "https://www.google.com/aclk?sa=l",
                "https://outlook.live.com/mail/0/",
                "https://shop.co.uk/cart?step=2#top",
                "https://blog.shop.co.uk/",
                "https://example.org/a",
                "https://notgoogle.com/search?q=1",
                "https://google.example.com/search?q=1",
                "http://192.168.0.1:8080",
                "https://[2001:db8::1]/x",
                "HTTPS://WWW.GOOGLE.DE",
                "about:blank",
                "shoes",
                "",
            ],
            &expect![[r"
                search Google google.com / -
                search Google google.co.uk /search red shoes
                search Google google.com /articles/1 -
                email Gmail google.com /mail/u/0/ -
                search Bing bing.com /search café
                search Yandex yandex.ru /search/ кот
                search DuckDuckGo duckduckgo.com / -
                search Yahoo yahoo.com /search x
                social Facebook facebook.com /l.php -
                social X t.co /abc -
                email Gmail android.gm / -
                paid Google Ads doubleclick.net /pagead/ads -
                paid Google Ads google.com /aclk -
                email Outlook live.com /mail/0/ -
                internal - shop.co.uk /cart -
                internal - shop.co.uk / -
                unknown - example.org /a -
                unknown - notgoogle.com /search -
                unknown - example.com /search -
                unknown - 192.168.0.1 / -
                unknown - [2001:db8::1] /x -
                search Google google.de / -
                none
                none
                none
            "]],
        );
    }

    #[test]
    fn all_parts_are_kept() {
        let found = referrer("https://example.org/a/b?c=d&e#f", None).unwrap();
        let parts = (found.hostname.as_str(), found.query.as_deref(), found.fragment.as_deref());
        assert_eq!(parts, ("example.org", Some("c=d&e"), Some("f")));
        assert_eq!(found.pathname, "/a/b");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            url in "((https?|android-app)://)?[a-zé.:/?#=&%\\[\\]0-9-]{0,60}",
            own in proptest::option::of("[a-zé.]{0,20}"),
        ) {
            if let Some(found) = referrer(&url, own.as_deref()) {
                prop_assert!(found.hostname.ends_with(&found.domain) || found.hostname.ends_with('.'));
            }
        }
    }
}
