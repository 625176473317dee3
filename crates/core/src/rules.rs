//! The rules of a session as named settings, with the defaults of the documentation.
//!
//! A set of rules has a version number; every journal block names the version it was folded under,
//! so a replay folds as the first fold did (CORE.md 2).
use serde::{Deserialize, Serialize};

use crate::{channel::Channel, time::Millis};

/// Everything that decides how signals become sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Where one session ends and the next begins.
    pub boundary: Boundary,
    /// When a session ends, settles and becomes final, and how long it can change.
    pub lifecycle: Lifecycle,
    /// What makes a session engaged.
    pub engagement: Engagement,
}

/// Boundary settings. A gap splits when it is strictly greater than the limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundary {
    /// Silence that ends a web session.
    pub web_gap_ms: Millis,
    /// Silence that ends an app session.
    pub app_gap_ms: Millis,
    /// Silence that ends a live chat.
    pub chat_gap_ms: Millis,
    /// Silence that ends an SMS or other asynchronous conversation.
    pub messaging_gap_ms: Millis,
    /// Silence that ends a visit at a kiosk.
    pub kiosk_gap_ms: Millis,
    /// How long a call may stay without a signal before it counts as over.
    pub voice_deadman_ms: Millis,
    /// How long a sale at a till may stay without a signal before it counts as over.
    pub pos_deadman_ms: Millis,
    /// Silence that ends a session on any other channel.
    pub other_gap_ms: Millis,
    /// Longest session; 0 means no limit.
    pub max_age_ms: Millis,
    /// Longest messaging session; 0 means no limit.
    pub messaging_max_age_ms: Millis,
    /// Whether midnight (UTC) splits: a rule of other products' profiles, off by default.
    pub split_midnight: bool,
    /// Whether an arrival that states another campaign splits: likewise.
    #[serde(default)]
    pub split_campaign: bool,
    /// Whether an arrival from another site splits: likewise.
    #[serde(default)]
    pub split_referrer: bool,
    /// Past so many signals a session is flagged `runaway` and its further signals are kept unfolded.
    pub max_signals: u32,
}

/// Lifecycle settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// From the declared end to final, and from a change to its revision.
    pub settle_ms: Millis,
    /// From `closed_at` to sealed: afterwards boundaries never move.
    pub seal_ms: Millis,
    /// From `closed_at` to the last moment at which an amendment is taken.
    pub amend_ms: Millis,
    /// Silence after which a visitor counts as idle (computed at read).
    pub idle_ms: Millis,
    /// Silence after which a visitor counts as away (computed at read).
    pub away_ms: Millis,
    /// How long a source under the `mark` clock may stay silent before its sessions close anyway.
    pub mark_timeout_ms: Millis,
}

/// Engagement settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engagement {
    /// Foreground time that makes a session engaged.
    pub foreground_ms: Millis,
    /// Views that make a session engaged.
    pub views: u32,
    /// The most that one heartbeat without a stated length adds to the foreground time.
    pub heartbeat_max_ms: Millis,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            boundary: Boundary {
                web_gap_ms: Millis::from_mins(30),
                app_gap_ms: Millis::from_mins(30),
                chat_gap_ms: Millis::from_mins(30),
                messaging_gap_ms: Millis::from_hours(24),
                kiosk_gap_ms: Millis::from_mins(2),
                voice_deadman_ms: Millis::from_hours(4),
                pos_deadman_ms: Millis::from_mins(15),
                other_gap_ms: Millis::from_mins(30),
                max_age_ms: Millis::from_hours(24),
                messaging_max_age_ms: Millis::from_days(30),
                split_midnight: false,
                split_campaign: false,
                split_referrer: false,
                max_signals: 10_000,
            },
            lifecycle: Lifecycle {
                settle_ms: Millis::from_mins(15),
                seal_ms: Millis::from_days(7),
                amend_ms: Millis::from_days(90),
                idle_ms: Millis::from_mins(1),
                away_ms: Millis::from_mins(5),
                mark_timeout_ms: Millis::from_hours(24),
            },
            engagement: Engagement {
                foreground_ms: Millis::from_secs(10),
                views: 2,
                heartbeat_max_ms: Millis::from_secs(30),
            },
        }
    }
}

impl Boundary {
    /// The inactivity limit of a channel, and the name of its setting.
    pub fn gap(&self, channel: Channel) -> (Millis, &'static str) {
        match channel {
            Channel::Web => (self.web_gap_ms, "boundary.web_gap_ms"),
            Channel::App => (self.app_gap_ms, "boundary.app_gap_ms"),
            Channel::Chat => (self.chat_gap_ms, "boundary.chat_gap_ms"),
            Channel::Messaging => (self.messaging_gap_ms, "boundary.messaging_gap_ms"),
            Channel::Kiosk => (self.kiosk_gap_ms, "boundary.kiosk_gap_ms"),
            Channel::Voice => (self.voice_deadman_ms, "boundary.voice_deadman_ms"),
            Channel::PointOfSale => (self.pos_deadman_ms, "boundary.pos_deadman_ms"),
            Channel::Other => (self.other_gap_ms, "boundary.other_gap_ms"),
        }
    }

    /// The age limit of a channel; `None` when there is none.
    pub fn max_age(&self, channel: Channel) -> Option<Millis> {
        let limit = match channel {
            Channel::Messaging => self.messaging_max_age_ms,
            _ => self.max_age_ms,
        };
        (limit.0 > 0).then_some(limit)
    }
}

/// How a source's time passes (CORE.md 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "clock")]
pub enum SourceClock {
    /// Sessions close by the server's clock.
    #[default]
    Wall,
    /// Sessions close by event time, at the source's greatest `at` minus a lateness: for ordered
    /// streams.
    Watermark {
        /// How far signals may come out of order.
        lateness_ms: Millis,
    },
    /// Nothing closes until the source says that it is complete: for imports.
    Mark,
}

impl SourceClock {
    /// The lateness of a watermark that states none.
    pub const DEFAULT_LATENESS: Millis = Millis::from_mins(10);
}
