//! The parts of a page's address that conditions ask for.

/// A part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlPart {
    /// The host without its port.
    Host,
    /// The host and every domain that it lies in, but the top one.
    Domain,
    /// The path, `/` where there is none.
    Path,
    /// What stands behind the question mark.
    Query,
    /// What stands behind the number sign.
    Fragment,
}

/// The parts of this kind in an address; several only of `Domain`.
pub(super) fn parts(url: &str, part: UrlPart) -> impl Iterator<Item = &str> {
    let (rest, fragment) = cut(url, '#');
    let (rest, query) = cut(rest, '?');
    let (host, path) = match rest.split_once("://") {
        None => ("", rest),
        Some((_, rest)) => rest.find('/').map_or((rest, ""), |at| rest.split_at(at)),
    };
    let found = match part {
        UrlPart::Host | UrlPart::Domain => without_port(host),
        UrlPart::Path if path.is_empty() => "/",
        UrlPart::Path => path,
        UrlPart::Query => query,
        UrlPart::Fragment => fragment,
    };
    let first = (!found.is_empty()).then_some(found);
    let is_domain = part == UrlPart::Domain && found.bytes().any(|byte| byte.is_ascii_alphabetic());
    std::iter::successors(first, move |domain| {
        let (_, above) = domain.split_once('.').filter(|_| is_domain)?;
        above.contains('.').then_some(above)
    })
}

fn cut(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

fn without_port(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        // The colons of an address in brackets are its own.
        Some((host, port)) if !port.contains(']') => host,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, part: UrlPart, expected: &[&str]) {
        assert_eq!(parts(url, part).collect::<Vec<_>>(), expected, "{url}");
    }

    #[test]
    fn parts_of_addresses() {
        let url = "https://me@www.shop.example.com:8443/a/b?q=1&r=#top";
        check(url, UrlPart::Host, &["www.shop.example.com"]);
        let domains = ["www.shop.example.com", "shop.example.com", "example.com"];
        check(url, UrlPart::Domain, &domains);
        check(url, UrlPart::Path, &["/a/b"]);
        check(url, UrlPart::Query, &["q=1&r="]);
        check(url, UrlPart::Fragment, &["top"]);
        check("https://shop.example", UrlPart::Path, &["/"]);
        check("/cart?x", UrlPart::Path, &["/cart"]);
        check("/cart?x", UrlPart::Host, &[]);
        check("http://[::1]:80/", UrlPart::Host, &["[::1]"]);
        check("http://[::1]/", UrlPart::Host, &["[::1]"]);
        check("http://127.0.0.1/", UrlPart::Domain, &["127.0.0.1"]);
        check("", UrlPart::Query, &[]);
    }
}
