//! The shape of a request before any route sees it: one good Host, a URL and headers of bearable size.
//!
//! hyper takes a request with no Host, two Hosts or a junk Host; RFC 9112 section 3.2 asks for 400.
use axum::extract::Request;
use http::{HeaderMap, Version, header::HOST, uri::Authority};

use crate::problem::{Code, Problem};

/// Bounds on the shape of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) url_bytes_max: usize,
    pub(crate) header_bytes_max: usize,
}

/// Why a request is refused for its shape.
pub(crate) fn refusal(shape: Shape, request: &Request) -> Option<Problem> {
    let url = request.uri();
    let url_bytes = url.path().len() + url.query().map_or(0, |query| query.len() + 1);
    if url_bytes > shape.url_bytes_max {
        let most = shape.url_bytes_max;
        return Some(Code::UrlTooLong.because(format!("{url_bytes} bytes; at most {most}")));
    }
    let header_bytes: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if header_bytes > shape.header_bytes_max {
        let most = shape.header_bytes_max;
        return Some(
            Code::HeadersTooLarge.because(format!("{header_bytes} bytes; at most {most}")),
        );
    }
    // HTTP/2 names the host in `:authority`, which hyper has checked.
    if request.version() < Version::HTTP_2 {
        return host_fault(request.headers(), request.version())
            .map(|detail| Code::BadHost.because(detail));
    }
    None
}

fn host_fault(headers: &HeaderMap, version: Version) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        return (version == Version::HTTP_11).then_some("the Host header is missing");
    };
    if hosts.next().is_some() {
        return Some("there is more than one Host header");
    }
    let good = host.to_str().is_ok_and(is_host);
    (!good).then_some("the Host header is not a name or address with an optional port")
}

/// Whether `text` is `host [ ":" port ]` of RFC 3986, without user information.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let host = authority.host();
    let port = text.strip_prefix(host).unwrap_or("@");
    let good_port = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => digits.is_empty() || digits.parse::<u16>().is_ok(),
    };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good_host = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.len() <= 255 && host.bytes().all(named),
    };
    good_host && good_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "localhost",
            "shop.example:8080",
            "127.0.0.1",
            "[::1]",
            "[::1]:80",
            "shop.example:",
            "a_b.example",
            "xn--bcher-kva.example",
        ] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            " ",
            ":80",
            "a b",
            "a/b",
            "u@shop.example",
            "shop.example:x",
            "shop.example:99999",
            "[::1",
            "[zz]",
            "[::1]x",
            "shop.example:80:80",
            "http://shop.example",
            "a?b",
            "a#b",
            "shop.example,other.example:x",
            "\u{e9}",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
