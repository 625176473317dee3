//! The table of settings: section, key, type, default, range and text of each.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{
    given::Given,
    kind::{Clocks, Count, FilePath, Kind, Listen, Location, WebAddress, Word},
};

/// One setting, for pages and messages.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its section in the file.
    pub(crate) section: &'static str,
    /// What the section is about.
    pub(crate) section_about: &'static str,
    /// Its name in the section.
    pub(crate) key: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    /// What may be given.
    pub(crate) takes: String,
    /// The default, as it is written in a file.
    pub(crate) default: String,
}

impl Row {
    /// The variable that goes before the file.
    pub(crate) fn variable(&self) -> String {
        format!("SESSIONARY_{}__{}", self.section, self.key).to_ascii_uppercase()
    }
}

/// Each section is a struct, each key a field of it. A row: text, key, type, default, what narrows
/// the type.
macro_rules! settings {
    ($(
        #[doc = $section_about:literal]
        $section:ident: $Section:ident {
            $( #[doc = $about:literal] $key:ident: $kind:ty = $default:expr, $within:expr; )*
        }
    )*) => {
        /// Every setting, checked.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct Config {
            $( #[doc = $section_about] pub(crate) $section: $Section, )*
        }

        $(
            #[doc = $section_about]
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[allow(clippy::struct_field_names, reason = "units stand last in every name")]
            pub(crate) struct $Section {
                $( #[doc = $about] pub(crate) $key: $kind, )*
            }
        )*

        impl Config {
            /// Takes every setting out of what was given.
            pub(super) fn take(given: &mut Given<'_>) -> Config {
                let mut rows = rows().into_iter();
                let mut row = || rows.next().expect("one row a setting, in this order");
                Config {
                    $( $section: $Section {
                        $( $key: given.take::<$kind>(&row(), $default, &$within), )*
                    }, )*
                }
            }
        }

        /// Every setting, in the order of the file.
        pub(crate) fn rows() -> Vec<Row> {
            vec![$( $( Row {
                section: stringify!($section),
                section_about: $section_about,
                key: stringify!($key),
                about: $about,
                takes: <$kind as Kind>::takes(&$within),
                default: <$kind as Kind>::written(&$default),
            }, )* )*]
        }
    };
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;

const fn ms(least: u64, most: u64) -> Count {
    Count { unit: "ms", range: least..=most }
}

const fn bytes(least: u64, most: u64) -> Count {
    Count { unit: "bytes", range: least..=most }
}

const fn count(least: u64, most: u64) -> Count {
    Count { unit: "", range: least..=most }
}

settings! {
    /// Connections and requests.
    server: Server {
        /// Address and port to listen on. Beyond 127.0.0.1, put a proxy with TLS in front.
        listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080), ();
        /// Connections at one time; further ones wait.
        connections_max: u64 = 10_000, count(1, 1_000_000);
        /// Connections of one address at one time.
        connections_per_address_max: u64 = 512, count(1, 1_000_000);
        /// Requests at one time; further ones are answered 503 with `Retry-After`.
        requests_max: u64 = 2_000, count(1, 1_000_000);
        /// Live streams at one time.
        live_streams_max: u64 = 256, count(1, 100_000);
        /// How long a new connection may say nothing.
        first_byte_ms: u64 = 10 * SECOND, ms(100, HOUR);
        /// How long the head of a request may take.
        headers_ms: u64 = 10 * SECOND, ms(100, HOUR);
        /// How long a body may pause.
        body_idle_ms: u64 = 15 * SECOND, ms(100, HOUR);
        /// How long a body may take in all.
        body_total_ms: u64 = MINUTE, ms(100, HOUR);
        /// How long a connection may rest between requests.
        keep_alive_ms: u64 = 75 * SECOND, ms(100, HOUR);
        /// How long a reader may take nothing of an answer.
        write_stall_ms: u64 = 30 * SECOND, ms(100, HOUR);
        /// How long requests under way may go on after a request to stop.
        drain_ms: u64 = 8 * SECOND, ms(0, HOUR);
    }

    /// The data directory.
    store: Store {
        /// Memory for what was read or written lately.
        cache_bytes: u64 = 24 * MIB, bytes(8 * MIB, u64::MAX);
        /// Free space below which writes are answered 507 until there is more; 0: the larger of 512 MiB and 2 % of the disk.
        min_free_bytes: u64 = 0, bytes(0, u64::MAX);
        /// Log of the storage engine; bounds how long a start after a crash takes.
        max_journaling_bytes: u64 = 512 * MIB, bytes(64 * MIB, u64::MAX);
        /// Memory for sessions; those touched longest ago are packed, then left on disk.
        hot_bytes: u64 = 136 * MIB, bytes(8 * MIB, u64::MAX);
        /// Signals beyond so many bytes, before compression, are rewritten whatever their age; on a small volume earlier.
        rewrite_beyond_bytes: u64 = 2048 * MIB, bytes(0, u64::MAX);
        /// Age at which signals are rewritten from the order of arrival to that of their sessions, which is quicker to read; 0: as soon as they are folded.
        rewrite_after_ms: u64 = 12 * HOUR, ms(0, 366 * DAY);
    }

    /// Where one session ends and the next begins: a gap between signals that is greater than the limit.
    boundary: Boundary {
        /// Gap on the web.
        web_gap_ms: u64 = 30 * MINUTE, ms(1, 30 * DAY);
        /// Gap in apps.
        app_gap_ms: u64 = 30 * MINUTE, ms(1, 30 * DAY);
        /// Gap in live chats.
        chat_gap_ms: u64 = 30 * MINUTE, ms(1, 30 * DAY);
        /// Gap in SMS and other asynchronous messaging.
        messaging_gap_ms: u64 = 24 * HOUR, ms(1, 90 * DAY);
        /// Gap at a kiosk.
        kiosk_gap_ms: u64 = 2 * MINUTE, ms(1, 30 * DAY);
        /// When a call that never said its end is taken as over.
        voice_deadman_ms: u64 = 4 * HOUR, ms(1, 30 * DAY);
        /// When a till that never said the end is taken as done.
        pos_deadman_ms: u64 = 15 * MINUTE, ms(1, 30 * DAY);
        /// Gap on any other channel.
        other_gap_ms: u64 = 30 * MINUTE, ms(1, 30 * DAY);
        /// Longest session, split beyond it; 0: no longest.
        max_age_ms: u64 = 24 * HOUR, ms(0, 366 * DAY);
        /// Longest session of messaging; 0: no longest.
        messaging_max_age_ms: u64 = 30 * DAY, ms(0, 366 * DAY);
        /// Whether midnight (UTC) ends a session.
        split_midnight: bool = false, ();
        /// Whether an arrival that states another campaign begins a session.
        split_campaign: bool = false, ();
        /// Whether an arrival from another site begins a session.
        split_referrer: bool = false, ();
        /// Signals of one session; what comes beyond is kept but no longer folded, and the session is flagged `runaway`.
        max_signals: u64 = 10_000, count(1, 1_000_000);
    }

    /// From the end of a session to its last change.
    lifecycle: Lifecycle {
        /// From the end of a session to its first final record.
        settle_ms: u64 = 15 * MINUTE, ms(0, 30 * DAY);
        /// From closing until late signals no longer change what happened.
        seal_ms: u64 = 7 * DAY, ms(0, 366 * DAY);
        /// From closing until outcomes, ratings and orders no longer change the record.
        amend_ms: u64 = 90 * DAY, ms(0, 3_660 * DAY);
        /// Without a signal for so long, a visitor is shown as idle.
        idle_ms: u64 = MINUTE, ms(1, DAY);
        /// Without a signal for so long, a visitor is shown as away.
        away_ms: u64 = 5 * MINUTE, ms(1, DAY);
        /// Silence after which sessions close that wait for a watermark or mark of their source.
        mark_timeout_ms: u64 = DAY, ms(1_000, 366 * DAY);
    }

    /// What makes a session engaged, beside a key action or an answered call or message.
    engagement: Engagement {
        /// Time in the foreground.
        foreground_ms: u64 = 10 * SECOND, ms(0, DAY);
        /// Pages or screens seen.
        views: u64 = 2, count(1, 1_000);
        /// The most that one heartbeat without a stated length adds to the foreground time.
        heartbeat_max_ms: u64 = 30 * SECOND, ms(0, DAY);
    }

    /// The senders of signals.
    sources: Sources {
        /// By what a source's sessions are closed: our clock (`wall`), its own times (`watermark`), its statement of completeness (`mark`).
        clocks: Clocks = Clocks::default(), ();
    }

    /// What is told of a visitor beyond what was sent. Databases are `.mmdb` files and are read at the start.
    enrich: Enrich {
        /// Database of places, such as GeoLite2-City; none: signals get no place from their address.
        geoip_city: FilePath = FilePath::default(), ();
        /// Database of network owners, such as GeoLite2-ASN; none: signals get no owner of their address.
        geoip_asn: FilePath = FilePath::default(), ();
    }

    /// The Tropo platform, and the application behind it.
    tropo: Tropo {
        /// The application that posts to `/tropo` are passed on to, and that text sessions are played with. Its answers go back unchanged; without one Sessionary answers itself. Private addresses are allowed.
        relay_url: WebAddress = WebAddress::default(), ();
    }

    /// Where finished sessions go: see `/v1/destinations`.
    delivery: Delivery {
        /// File with a JSON list of destinations that are set up at the start, or changed to what it says; told apart by their names.
        destinations: FilePath = FilePath::default(), ();
        /// File with the key, 32 bytes in base64 or hex, that encrypts the secrets of destinations; none: a key of its own in the data directory.
        sealing_key: FilePath = FilePath::default(), ();
        /// Whether destinations may be on private and loopback addresses, and need no TLS: for tests and closed networks. `serve --allow-private-destinations` says yes as well.
        allow_private: bool = false, ();
        /// Wait after the first failed try of a parcel; each one after it is five times as long, at most a day.
        first_retry_ms: u64 = 5 * SECOND, ms(1, DAY);
        /// Tries of a parcel before it is parked.
        attempts: u64 = 10, count(1, 100);
        /// Parcels under way to one destination at a time.
        under_way_max: u64 = 16, count(1, 1_000);
        /// Parcels a second to one destination; fewer while signals keep the server busy; 0: as many as it takes.
        per_second: u64 = 2_000, count(0, 1_000_000);
    }

    /// Finished sessions as Parquet files, for engines that read them (docs/lake.md).
    lake: Lake {
        /// Whether there is one.
        enabled: bool = true, ();
        /// Its folder, here or in a bucket; none: `lake` in the data directory.
        path: Location = Location::default(), ();
        /// Of a bucket: another server that speaks its protocol, such as a `MinIO`; none: the cloud's own.
        endpoint: WebAddress = WebAddress::default(), ();
        /// Of a bucket of S3: its region; none: what `AWS_REGION` says, else us-east-1.
        region: Word = Word::default(), ();
        /// Of Azure: the storage account; none: what the URL or `AZURE_STORAGE_ACCOUNT_NAME` says.
        account: Word = Word::default(), ();
        /// Of a bucket: a file with credentials in JSON, as destinations have them; none: those of the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`) or of the machine.
        secret: FilePath = FilePath::default(), ();
        /// Whether the signals of the sessions are written, too, in a table of their own.
        signals: bool = true, ();
        /// How often what has become final is written. Each time makes a file a day and tenant.
        append_every_ms: u64 = MINUTE, ms(100, DAY);
        /// The files of a day become one after so long without another one.
        compact_after_ms: u64 = 15 * MINUTE, ms(0, 30 * DAY);
    }

    /// Answers to SQL, on threads of their own that yield to everything else.
    query: Query {
        /// Memory for sorting, grouping and joining, of all queries together.
        memory_bytes: u64 = 512 * MIB, bytes(MIB, u64::MAX);
        /// How long one query may take, up to its last row.
        time_ms: u64 = MINUTE, ms(1, DAY);
        /// Rows of one answer.
        rows_max: u64 = 100_000, count(1, 1_000_000_000);
        /// Queries at one time; further ones are answered 503 with `Retry-After`.
        concurrent: u64 = 2, count(1, 64);
    }

    /// The wire of PostgreSQL, for clients that speak it (docs/postgres.md). It reads and changes nothing; `[query]` bounds what it may take.
    postgres: Postgres {
        /// Address and port to listen on; none: it is off. `serve --postgres` goes before it.
        listen: Listen = Listen::default(), ();
        /// Whether it may listen beyond this machine. It has no TLS: keys and answers would cross the network as they are, so put a tunnel or a proxy with TLS in front.
        beyond_this_machine: bool = false, ();
        /// Connections at one time; further ones are turned away.
        connections_max: u64 = 64, count(1, 10_000);
        /// How long a connection may rest.
        idle_ms: u64 = HOUR, ms(1_000, 30 * DAY);
    }

    /// How much one request may hold. What is beyond is refused with the name of the limit.
    limits: Limits {
        /// Body of a request with one signal, unpacked.
        body_bytes: u64 = MIB, bytes(KIB, 64 * MIB);
        /// Body of a request with many signals, unpacked.
        batch_bytes: u64 = 4 * MIB, bytes(KIB, 64 * MIB);
        /// Signals of one request.
        batch_signals: u64 = 500, count(1, 10_000);
        /// Objects and lists inside one another.
        depth: u64 = 64, count(1, 128);
        /// Members of one object.
        members: u64 = 512, count(1, 10_000);
        /// Bytes of one text.
        text_bytes: u64 = 64 * KIB, bytes(256, 16 * MIB);
        /// Bytes of a URL.
        url_bytes: u64 = 8 * KIB, bytes(256, 64 * KIB);
        /// Bytes of the headers of a request.
        header_bytes: u64 = 16 * KIB, bytes(KIB, 256 * KIB);
        /// Signals a second that one key may send; 0: as many as it likes.
        signals_per_second_and_key: u64 = 0, count(0, 10_000_000);
        /// Signals a second that one address may send with a publishable key; 0: as many as it likes.
        signals_per_second_and_address: u64 = 0, count(0, 10_000_000);
    }
}
