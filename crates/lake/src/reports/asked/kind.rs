//! The reports there are, and the parameters of each.
use super::{BY_MAX, Breakdown};

/// A report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How sessions ended.
    Dispositions,
    /// How contacts were served.
    Performance,
    /// What led to conversions.
    Attribution,
    /// How far people get.
    Funnel,
    /// By which ways they come.
    Paths,
    /// Who comes back.
    Retention,
    /// How good the data are.
    Health,
}

/// A parameter of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does, what may stand there, and what holds where it does not.
    pub about: String,
}

/// Words, and what they answer.
#[rustfmt::skip]
const WORDS: [(Kind, &str, &str); 7] = [
    (Kind::Dispositions, "dispositions", "How sessions ended: outcomes, their shares, and revenue."),
    (Kind::Performance, "performance", "How contacts were served: answered, abandoned, waits, service level, ratings, conversions."),
    (Kind::Attribution, "attribution", "What led to conversions: calls and clicks of one person in one path, credited by models."),
    (Kind::Funnel, "funnel", "How far people get along steps, and how long a step takes."),
    (Kind::Paths, "paths", "By which sequences of arrivals people come, with a conversion and without."),
    (Kind::Retention, "retention", "Who comes back, by the ISO week of a person's first session."),
    (Kind::Health, "health", "How good the data are: orphans, machines, splits, ends, repairs, open reviews."),
];

/// Parameters that every report has.
const COMMON: [(&str, &str); 4] = [
    (
        "from",
        "sessions that began at or after: a day such as 2026-01-05, or a time; since ever if not said",
    ),
    ("to", "sessions that began before; until now if not said"),
    ("zone", "IANA name of the time zone of days and hours; UTC if not said"),
    ("bots", "`leave_out` (if not said) or `include` sessions that machines made"),
];

impl Kind {
    /// Every report, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Kind> {
        WORDS.iter().map(|(kind, ..)| *kind)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        self.row().map_or("", |(_, word, _)| word)
    }

    /// What it answers.
    pub fn about(self) -> &'static str {
        self.row().map_or("", |(.., about)| about)
    }

    fn row(self) -> Option<&'static (Kind, &'static str, &'static str)> {
        WORDS.iter().find(|(kind, ..)| *kind == self)
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Kind> {
        WORDS.iter().find(|(_, known, _)| *known == word).map(|(kind, ..)| *kind)
    }

    /// What its rows can be told apart by.
    pub fn breakdowns(self) -> Vec<Breakdown> {
        use Breakdown::{Campaign, Channel, Medium, Source};
        match self {
            Kind::Attribution | Kind::Paths => vec![Source, Medium, Campaign, Channel],
            Kind::Retention | Kind::Health => Vec::new(),
            // It tells the class of each outcome anyway.
            Kind::Dispositions => Breakdown::all().filter(|by| *by != Breakdown::Class).collect(),
            Kind::Performance | Kind::Funnel => Breakdown::all().collect(),
        }
    }

    /// What they are told apart by when nobody says.
    pub(super) fn by_otherwise(self) -> Vec<Breakdown> {
        match self {
            Kind::Attribution | Kind::Paths => vec![Breakdown::Source],
            Kind::Performance => vec![Breakdown::Channel],
            _ => Vec::new(),
        }
    }

    /// By how many at a time.
    pub(super) fn by_max(self) -> usize {
        match self {
            Kind::Dispositions | Kind::Performance => BY_MAX,
            _ => 1,
        }
    }

    /// Its parameters.
    pub fn parameters(self) -> Vec<Parameter> {
        let one =
            |(name, about): &(&'static str, &str)| Parameter { name, about: (*about).to_owned() };
        let common = COMMON.iter().map(one);
        let by = (!self.breakdowns().is_empty()).then(|| self.by());
        let own = self.own().iter().map(one);
        let filters = Breakdown::filters().map(|breakdown| Parameter {
            name: breakdown.word(),
            about: format!("only sessions with this {}: {}", breakdown.word(), breakdown.about()),
        });
        common.chain(by).chain(own).chain(filters).collect()
    }

    fn by(self) -> Parameter {
        let words = |list: Vec<Breakdown>| {
            list.iter().map(|breakdown| breakdown.word()).collect::<Vec<_>>().join(", ")
        };
        let otherwise = match words(self.by_otherwise()) {
            none if none.is_empty() => "nothing".to_owned(),
            words => words,
        };
        let most = match self.by_max() {
            1 => "one".to_owned(),
            most => format!("up to {most}, with commas between,"),
        };
        let possible = words(self.breakdowns());
        let about = format!("{most} of {possible}; {otherwise} if not said");
        Parameter { name: "by", about }
    }

    #[rustfmt::skip]
    fn own(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Performance => &[
                ("threshold", "wait within which an answer meets the service level; 20s if not said"),
            ],
            Kind::Attribution => &[
                ("model", "with commas between: first, last, last_non_direct (if not said), linear, position, time_decay, markov, or all"),
                ("lookback", "how long before a conversion an arrival counts; 30d if not said"),
                ("half_life", "of the model time_decay; 7d if not said"),
            ],
            Kind::Funnel => &[
                ("steps", "2 to 10 of arrived, engaged, searched, category, product, cart, checkout, order, subscription, conversion, service, abandon, failure, junk, channel:NAME, code:NUMBER, achieved:NAME, with commas between; arrived,product,cart,checkout,order if not said"),
                ("window", "from the first step to the last at most; 7d if not said"),
                ("order", "`gaps` (if not said): anything may lie between two steps; `adjacent`: nothing"),
                ("per", "`person` (if not said) or `session`: who goes through it"),
            ],
            Kind::Paths => &[
                ("length", "arrivals of a path, 1 to 8; 3 if not said"),
                ("most", "paths of each kind, 1 to 1000; 20 if not said"),
                ("node", "tell instead what people come to this one from, and go on to"),
            ],
            Kind::Dispositions | Kind::Retention | Kind::Health => &[],
        }
    }
}
