//! The configuration as each crate below wants it.
use std::{num::NonZeroU32, time::Duration};

use sessionary_core::{
    rules::{Boundary, Engagement, Lifecycle, Rules, SourceClock},
    time::Millis,
};
use sessionary_dialects::Limits;
use sessionary_engine::{
    ShardConfig,
    lake::{Contents, LakeSettings},
};
use sessionary_lake::sql::Budget;
use sessionary_server::{
    body::BodySizes,
    limits::{Rate, Rates},
    postgres,
    settings::{Settings, TropoSettings},
};
use sessionary_store::Options;

use super::{Config, kind};

impl Config {
    /// The rules of a session.
    pub(crate) fn rules(&self) -> Rules {
        let (boundary, lifecycle) = (&self.boundary, &self.lifecycle);
        Rules {
            boundary: Boundary {
                web_gap_ms: millis(boundary.web_gap_ms),
                app_gap_ms: millis(boundary.app_gap_ms),
                chat_gap_ms: millis(boundary.chat_gap_ms),
                messaging_gap_ms: millis(boundary.messaging_gap_ms),
                kiosk_gap_ms: millis(boundary.kiosk_gap_ms),
                voice_deadman_ms: millis(boundary.voice_deadman_ms),
                pos_deadman_ms: millis(boundary.pos_deadman_ms),
                other_gap_ms: millis(boundary.other_gap_ms),
                max_age_ms: millis(boundary.max_age_ms),
                messaging_max_age_ms: millis(boundary.messaging_max_age_ms),
                split_midnight: boundary.split_midnight,
                split_campaign: boundary.split_campaign,
                split_referrer: boundary.split_referrer,
                max_signals: narrow(boundary.max_signals),
            },
            lifecycle: Lifecycle {
                settle_ms: millis(lifecycle.settle_ms),
                seal_ms: millis(lifecycle.seal_ms),
                amend_ms: millis(lifecycle.amend_ms),
                idle_ms: millis(lifecycle.idle_ms),
                away_ms: millis(lifecycle.away_ms),
                mark_timeout_ms: millis(lifecycle.mark_timeout_ms),
            },
            engagement: Engagement {
                foreground_ms: millis(self.engagement.foreground_ms),
                views: narrow(self.engagement.views),
                heartbeat_max_ms: millis(self.engagement.heartbeat_max_ms),
            },
        }
    }

    /// How the data directory is opened.
    pub(crate) fn store_options(&self) -> Options {
        let store = &self.store;
        Options {
            cache_bytes: store.cache_bytes,
            max_journaling_bytes: store.max_journaling_bytes,
            min_free_bytes: (store.min_free_bytes > 0).then_some(store.min_free_bytes),
        }
    }

    /// How the folding thread is run, by these rules.
    pub(crate) fn shard(&self, rules: Rules) -> ShardConfig {
        ShardConfig {
            rules,
            hot_bytes: size(self.store.hot_bytes),
            checkpoint_bytes: 160 << 20,
            checkpoint_signals: 320_000,
            checkpoint_lanes: 64_000,
            rewrite_after_ms: millis(self.store.rewrite_after_ms).0,
            rewrite_beyond_bytes: self.store.rewrite_beyond_bytes,
            lake: self.lake.enabled,
        }
    }

    /// When the lake is written.
    pub(crate) fn lake_settings(&self) -> LakeSettings {
        LakeSettings {
            append_every: Duration::from_millis(self.lake.append_every_ms),
            compact_after: Duration::from_millis(self.lake.compact_after_ms),
            contents: if self.lake.signals {
                Contents::WithSignals
            } else {
                Contents::SessionsAlone
            },
        }
    }

    /// The bounds on connections.
    pub(crate) fn server_settings(&self) -> Settings {
        let server = &self.server;
        Settings {
            first_byte: Duration::from_millis(server.first_byte_ms),
            headers: Duration::from_millis(server.headers_ms),
            body_idle: Duration::from_millis(server.body_idle_ms),
            body_total: Duration::from_millis(server.body_total_ms),
            keep_alive: Duration::from_millis(server.keep_alive_ms),
            write_stall: Duration::from_millis(server.write_stall_ms),
            connections_max: size(server.connections_max),
            connections_per_address_max: size(server.connections_per_address_max),
            requests_max: size(server.requests_max),
            live_streams_max: size(server.live_streams_max),
            url_bytes_max: size(self.limits.url_bytes),
            header_bytes_max: size(self.limits.header_bytes),
            body_sizes: BodySizes {
                single_bytes_max: size(self.limits.body_bytes),
                batch_bytes_max: size(self.limits.batch_bytes),
            },
            items: self.items(),
            drain: Duration::from_millis(server.drain_ms),
            tropo: TropoSettings {
                relay_url: self.tropo.relay_url.0.clone(),
                ..TropoSettings::default()
            },
            ..Settings::default()
        }
    }

    /// The bounds on connections of clients of `PostgreSQL`.
    pub(crate) fn postgres_settings(&self) -> postgres::Settings {
        postgres::Settings {
            connections_max: size(self.postgres.connections_max),
            idle: Duration::from_millis(self.postgres.idle_ms),
            write_stall: Duration::from_millis(self.server.write_stall_ms),
            drain: Duration::from_millis(self.server.drain_ms),
            ..postgres::Settings::default()
        }
    }

    /// What queries may take.
    pub(crate) fn query_budget(&self) -> Budget {
        let query = &self.query;
        Budget {
            memory_bytes: size(query.memory_bytes),
            time: Duration::from_millis(query.time_ms),
            rows_max: size(query.rows_max),
            concurrent: size(query.concurrent),
        }
    }

    /// What one body of signals, and each item of it, may hold.
    pub(crate) fn items(&self) -> Limits {
        let limits = &self.limits;
        Limits {
            items: size(limits.batch_signals),
            item: size(limits.body_bytes),
            depth: size(limits.depth),
            members: size(limits.members),
            text: size(limits.text_bytes),
        }
    }

    /// What a key and an address may send; a second's worth at once.
    pub(crate) fn rates(&self) -> Rates {
        let rate = |signals_per_second: u64| {
            let signals_per_second = NonZeroU32::new(narrow(signals_per_second))?;
            Some(Rate { signals_per_second, burst: signals_per_second })
        };
        Rates {
            per_key: rate(self.limits.signals_per_second_and_key),
            per_address: rate(self.limits.signals_per_second_and_address),
        }
    }

    /// The clocks of the sources that are named.
    pub(crate) fn source_clocks(&self) -> impl Iterator<Item = (&str, SourceClock)> {
        self.sources.clocks.0.iter().map(|(source, clock)| {
            let clock = match clock {
                kind::SourceClock::Wall => SourceClock::Wall,
                kind::SourceClock::Watermark => {
                    SourceClock::Watermark { lateness_ms: SourceClock::DEFAULT_LATENESS }
                }
                kind::SourceClock::Mark => SourceClock::Mark,
            };
            (source.as_str(), clock)
        })
    }
}

fn millis(ms: u64) -> Millis {
    Millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
