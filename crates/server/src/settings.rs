//! What an operator may set about connections and requests, with units and defaults.
use std::time::Duration;

use sessionary_dialects::Limits;
use url::Url;

use crate::body::BodySizes;

/// Bounds on connections: how many, how slow, how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A new connection sends its first byte within this time. Default 10 s.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its headers. Default 10 s.
    pub headers: Duration,
    /// Between two pieces of a body. Default 15 s.
    pub body_idle: Duration,
    /// From the end of the headers to the end of the body. Default 60 s.
    pub body_total: Duration,
    /// A connection without a request is closed after this time. Default 75 s.
    pub keep_alive: Duration,
    /// A client that reads nothing of its answer is dropped after this time. Default 30 s.
    pub write_stall: Duration,
    /// After a refused body, the rest of it is read and thrown away for this time, so that the
    /// refusal is not lost in a reset. Default 1 s.
    pub linger: Duration,
    /// Connections open at once. Default 10,000.
    pub connections_max: usize,
    /// Connections open at once from one address (IPv6: one /64). Default 512.
    pub connections_per_address_max: usize,
    /// Requests in flight at once; more are answered 503. Default 2,000.
    pub requests_max: usize,
    /// Bytes of request bodies held in memory at once, unpacked or waiting for their rest; more are
    /// answered 503. Decoded they take several times as much. Default 32 MiB.
    pub body_bytes_max: usize,
    /// Bytes of one body, as sent and unpacked alike.
    pub body_sizes: BodySizes,
    /// What one body of signals, and each item of it, may hold.
    pub items: Limits,
    /// Live streams open at once (`GET /v1/live`). Default 256.
    pub live_streams_max: usize,
    /// Bytes of a request's URL. Default 8 KiB.
    pub url_bytes_max: usize,
    /// Bytes of all header names and values of a request. Default 16 KiB; far above it the answer is
    /// a bare 431, without a document. So is the answer to more than 100 headers.
    pub header_bytes_max: usize,
    /// After a stop signal, how long accepted requests may still take. Default 10 s.
    pub drain: Duration,
    /// What stands behind the Tropo routes.
    pub tropo: TropoSettings,
}

/// What stands behind the Tropo routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TropoSettings {
    /// The application that posts are passed on to, an `http` or `https` URL; none: Sessionary itself
    /// answers the platform. The operator's word: private addresses are allowed.
    pub relay_url: Option<Url>,
    /// How long the application may take for an answer to the platform. Default 5 s.
    pub relay_timeout: Duration,
    /// How long it may take for one document of a text session that is played here. Default 10 s.
    pub document_timeout: Duration,
}

impl Default for TropoSettings {
    fn default() -> TropoSettings {
        TropoSettings {
            relay_url: None,
            relay_timeout: Duration::from_secs(5),
            document_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            first_byte: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            body_idle: Duration::from_secs(15),
            body_total: Duration::from_mins(1),
            keep_alive: Duration::from_secs(75),
            write_stall: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            connections_max: 10_000,
            connections_per_address_max: 512,
            requests_max: 2_000,
            body_bytes_max: 32 << 20,
            body_sizes: BodySizes::default(),
            items: Limits::default(),
            live_streams_max: 256,
            url_bytes_max: 8 * 1024,
            header_bytes_max: 16 * 1024,
            drain: Duration::from_secs(10),
            tropo: TropoSettings::default(),
        }
    }
}
