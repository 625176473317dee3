//! What sessions are told apart by, and filtered by: one table.

/// Something that each session has one of, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breakdown {
    /// Name of the campaign, or its id.
    Campaign,
    /// Where it came from.
    Source,
    /// By which medium.
    Medium,
    /// Where it took place.
    Channel,
    /// What kind of session it was.
    Type,
    /// The last queue.
    Queue,
    /// Who handled it last.
    Agent,
    /// Experiment and variant.
    Variant,
    /// Country of its address.
    Country,
    /// Kind of device.
    Device,
    /// Which integration it came by.
    Integration,
    /// Whether its outcome was posted or derived.
    Derived,
    /// Who says the outcome.
    Author,
    /// Class of the outcome.
    Class,
    /// Hour of the day of its beginning.
    Hour,
    /// Day of the week.
    Weekday,
    /// Day.
    Day,
    /// ISO week.
    Week,
    /// Month.
    Month,
}

/// Words, and what they mean.
#[rustfmt::skip]
const WORDS: [(Breakdown, &str, &str); 19] = [
    (Breakdown::Campaign, "campaign", "name of the campaign, or its id"),
    (Breakdown::Source, "source", "where it came from; `direct` for nowhere, `phone` for a call without a campaign"),
    (Breakdown::Medium, "medium", "by which medium"),
    (Breakdown::Channel, "channel", "web, app, voice, chat, messaging, kiosk, point_of_sale or other"),
    (Breakdown::Type, "type", "what kind of session it was"),
    (Breakdown::Queue, "queue", "the queue; where sessions are counted once, the last"),
    (Breakdown::Agent, "agent", "the agent; where sessions are counted once, the last"),
    (Breakdown::Variant, "variant", "experiment and variant, with a slash between"),
    (Breakdown::Country, "country", "country of its address"),
    (Breakdown::Device, "device", "kind of device"),
    (Breakdown::Integration, "integration", "which integration it came by"),
    (Breakdown::Derived, "derived", "`derived` where nobody posted an outcome, or `posted`"),
    (Breakdown::Author, "author", "who says the outcome: timeout, model, rule, agent or business"),
    (Breakdown::Class, "class", "class of the outcome"),
    (Breakdown::Hour, "hour", "hour of the day of its beginning, 00 to 23"),
    (Breakdown::Weekday, "weekday", "day of the week of its beginning"),
    (Breakdown::Day, "day", "day of its beginning"),
    (Breakdown::Week, "week", "ISO week of its beginning"),
    (Breakdown::Month, "month", "month of its beginning"),
];

impl Breakdown {
    /// Every one, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Breakdown> {
        WORDS.iter().map(|(breakdown, ..)| *breakdown)
    }

    /// Those that are no times; a session can be filtered by them.
    pub fn filters() -> impl Iterator<Item = Breakdown> {
        Breakdown::all().filter(|breakdown| !breakdown.is_time())
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        self.row().map_or("", |(_, word, _)| word)
    }

    /// What it is.
    pub fn about(self) -> &'static str {
        self.row().map_or("", |(.., about)| about)
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Breakdown> {
        WORDS.iter().find(|(_, known, _)| *known == word).map(|(breakdown, ..)| *breakdown)
    }

    /// Whether it is read from the clock.
    pub fn is_time(self) -> bool {
        self >= Breakdown::Hour
    }

    fn row(self) -> Option<&'static (Breakdown, &'static str, &'static str)> {
        WORDS.iter().find(|(breakdown, ..)| *breakdown == self)
    }

    /// The columns of the table of sessions that it is read from.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Breakdown::Campaign => &["attribution_campaign_name", "attribution_campaign_id"],
            Breakdown::Source | Breakdown::Medium => &[
                "attribution_source",
                "attribution_medium",
                "attribution_campaign_name",
                "attribution_campaign_id",
                "attribution_click_id",
                "channel",
            ],
            Breakdown::Channel => &["channel"],
            Breakdown::Type => &["type"],
            Breakdown::Queue => &["queue_name", "legs"],
            Breakdown::Agent => {
                &["disposition_agent", "agent_name", "integration_agent_id", "legs"]
            }
            Breakdown::Variant => &["experiment_id", "variant"],
            Breakdown::Country => &["technical_geolocation_country"],
            Breakdown::Device => &["technical_device_category"],
            Breakdown::Integration => &["source"],
            Breakdown::Derived => &["disposition_derived"],
            Breakdown::Author => &["disposition_author"],
            Breakdown::Class => &["disposition_class"],
            Breakdown::Hour
            | Breakdown::Weekday
            | Breakdown::Day
            | Breakdown::Week
            | Breakdown::Month => &["started_at"],
        }
    }
}
