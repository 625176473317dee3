//! Where a connection is to go, read from a URL in whatever spelling.
use std::net::IpAddr;

use url::{Host, Url};

use super::{Refused, address};

/// How one speaks there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    /// SMTP that begins in clear.
    Smtp,
    /// SMTP inside TLS.
    Smtps,
}

/// Ports that may be called without `allow_private`.
const HTTPS_PORTS: &[u16] = &[443, 8443];
const MAIL_PORTS: &[u16] = &[25, 465, 587, 2525];
/// Names of this machine, themselves and as the end of others.
const LOCAL_NAMES: &[&str] = &["localhost", "localhost.localdomain", "localdomain"];

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    scheme: Scheme,
    host: Host<String>,
    /// The host as one text, without the brackets of IPv6.
    name: String,
    port: u16,
}

impl Destination {
    /// Reads the host as browsers do, so that `0x7f.1` and `127.0.0.1` are the same; `Err` says what
    /// is wrong.
    pub(crate) fn of(url: &Url) -> Result<Destination, String> {
        let (scheme, default_port) = match url.scheme() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "smtp" => (Scheme::Smtp, 587),
            "smtps" => (Scheme::Smtps, 465),
            other => return Err(format!("`{other}` is no scheme that is spoken here")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a user or a password; put credentials into the secret".to_owned());
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
        Destination::new(scheme, host, url.port().unwrap_or(default_port))
    }

    pub(crate) fn new(scheme: Scheme, host: &str, port: u16) -> Result<Destination, String> {
        let host =
            Host::parse(host).map_err(|error| format!("its host cannot be read: {error}"))?;
        let name = match &host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        Ok(Destination { scheme, host, name, port })
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn host(&self) -> &str {
        &self.name
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address, where the host is one; so many resolvers read `127.1` that we do too.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some((*ip).into()),
            Host::Ipv6(ip) => Some((*ip).into()),
        }
    }

    pub(super) fn check_without_looking_up(&self) -> Result<(), Refused> {
        let ports = match self.scheme {
            Scheme::Http => return Err(Refused("http is not https".to_owned())),
            Scheme::Https => HTTPS_PORTS,
            Scheme::Smtp | Scheme::Smtps => MAIL_PORTS,
        };
        if !ports.contains(&self.port) {
            let listed: Vec<String> = ports.iter().map(ToString::to_string).collect();
            return Err(Refused(format!("port {} is none of {}", self.port, listed.join(", "))));
        }
        if let Some(ip) = self.literal() {
            return address::check(ip);
        }
        let name = self.name.trim_end_matches('.').to_ascii_lowercase();
        let local = LOCAL_NAMES.iter().any(|local| {
            name.strip_suffix(local).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        if local {
            return Err(Refused(format!("`{}` is this machine", self.name)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(url: &str, expected: &Expect) {
        let told = match Url::parse(url) {
            Err(error) => format!("no URL: {error}"),
            Ok(url) => match Destination::of(&url) {
                Err(error) => format!("wrong: {error}"),
                Ok(to) => match to.check_without_looking_up() {
                    Ok(()) => format!("{:?} {} {}", to.scheme, to.host(), to.port()),
                    Err(Refused(why)) => format!("refused: {why}"),
                },
            },
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_literal_is_read_in_every_spelling() {
        check("https://example.com/a", &expect!["Https example.com 443"]);
        check("https://2130706433/", &expect!["refused: 127.0.0.1 is loopback"]);
        check("https://0x7f.1/", &expect!["refused: 127.0.0.1 is loopback"]);
        check("https://0177.0.0.01./", &expect!["refused: 127.0.0.1 is loopback"]);
        check("https://127。0。0。1/", &expect!["refused: 127.0.0.1 is loopback"]);
        check("https://[::ffff:7f00:1]/", &expect!["refused: ::ffff:127.0.0.1 is IPv4-mapped"]);
        check("smtp://0x7f.1:25", &expect!["refused: 127.0.0.1 is loopback"]);
        check("smtp://mail.example.com", &expect!["Smtp mail.example.com 587"]);
    }

    #[test]
    fn ports_schemes_and_users_are_looked_at() {
        check("http://example.com/", &expect!["refused: http is not https"]);
        check("https://example.com:22/", &expect!["refused: port 22 is none of 443, 8443"]);
        check(
            "smtps://example.com:443",
            &expect!["refused: port 443 is none of 25, 465, 587, 2525"],
        );
        check("ftp://example.com/", &expect!["wrong: `ftp` is no scheme that is spoken here"]);
        check(
            "https://a@example.com/",
            &expect!["wrong: it holds a user or a password; put credentials into the secret"],
        );
        check("https://LOCALHOST./", &expect!["refused: `localhost.` is this machine"]);
        check("https://a.localhost/", &expect!["refused: `a.localhost` is this machine"]);
        check("https://notlocalhost/", &expect!["Https notlocalhost 443"]);
    }
}
