//! Channels, their families, and the types of a session.
use serde::{Deserialize, Serialize};

/// Where an interaction takes place. The words of the wire are the snake case of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A site in a browser.
    Web,
    /// A native application.
    App,
    /// A telephone call.
    Voice,
    /// A live chat.
    Chat,
    /// SMS and other asynchronous messaging.
    Messaging,
    /// A shared device in a public place.
    Kiosk,
    /// A till.
    PointOfSale,
    /// Anything else, or not known.
    Other,
}

const CHANNELS: [(Channel, &str); 8] = [
    (Channel::Web, "web"),
    (Channel::App, "app"),
    (Channel::Voice, "voice"),
    (Channel::Chat, "chat"),
    (Channel::Messaging, "messaging"),
    (Channel::Kiosk, "kiosk"),
    (Channel::PointOfSale, "point_of_sale"),
    (Channel::Other, "other"),
];

impl Channel {
    /// Every channel, in the order of the documentation.
    pub const ALL: [Channel; 8] = [
        Channel::Web,
        Channel::App,
        Channel::Voice,
        Channel::Chat,
        Channel::Messaging,
        Channel::Kiosk,
        Channel::PointOfSale,
        Channel::Other,
    ];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        CHANNELS.iter().find(|(channel, _)| *channel == self).map_or("other", |(_, word)| word)
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<Channel> {
        CHANNELS.iter().find(|(_, known)| *known == word).map(|(channel, _)| *channel)
    }

    /// The family whose devices make one lane (CORE.md 4).
    pub fn family(self) -> Family {
        match self {
            Channel::Web => Family::Site,
            Channel::App => Family::App,
            Channel::Voice => Family::Voice,
            Channel::Chat | Channel::Messaging => Family::Messaging,
            Channel::Kiosk => Family::Kiosk,
            Channel::PointOfSale => Family::Pos,
            Channel::Other => Family::Other,
        }
    }
}

/// Channels whose signals may belong to one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Web and e-commerce.
    Site,
    /// Native applications.
    App,
    /// Calls.
    Voice,
    /// Chat, SMS and other messaging.
    Messaging,
    /// Kiosks.
    Kiosk,
    /// Tills.
    Pos,
    /// The rest, and signals that do not say.
    Other,
}

impl Family {
    /// A letter for keys.
    pub fn letter(self) -> u8 {
        match self {
            Family::Site => b's',
            Family::App => b'a',
            Family::Voice => b'v',
            Family::Messaging => b'm',
            Family::Kiosk => b'k',
            Family::Pos => b'p',
            Family::Other => b'o',
        }
    }

    /// Kiosks and tills are used by many people: what is seen there joins nobody.
    pub fn is_shared(self) -> bool {
        matches!(self, Family::Kiosk | Family::Pos)
    }
}

/// What kind of interaction a session is: the action types of the Handshake, and two more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionType {
    /// Action type 1, `PhoneCall`.
    PhoneCall,
    /// Action type 2, `WebVisit`.
    WebVisit,
    /// Action type 3, `Disposition`: says nothing of the channel, so no session has it (D26).
    Disposition,
    /// Action type 4, `MobileMessage`.
    MobileMessage,
    /// Action type 5, `AppVisit`.
    AppVisit,
    /// Action type 6, `KioskVisit`.
    KioskVisit,
    /// Action type 7, `POS`.
    Pos,
    /// Action type 8, `eCommerce`.
    Ecommerce,
    /// A live chat.
    Chat,
    /// Anything else.
    Other,
}

/// Number, name, word, channel (handshake-action.json; the numbers are ours).
type ActionTypeRow = (SessionType, u8, &'static str, &'static str, Option<Channel>);

const SESSION_TYPES: [ActionTypeRow; 10] = [
    (SessionType::PhoneCall, 1, "PhoneCall", "phone_call", Some(Channel::Voice)),
    (SessionType::WebVisit, 2, "WebVisit", "web_visit", Some(Channel::Web)),
    (SessionType::Disposition, 3, "Disposition", "disposition", None),
    (SessionType::MobileMessage, 4, "MobileMessage", "mobile_message", Some(Channel::Messaging)),
    (SessionType::AppVisit, 5, "AppVisit", "app_visit", Some(Channel::App)),
    (SessionType::KioskVisit, 6, "KioskVisit", "kiosk_visit", Some(Channel::Kiosk)),
    (SessionType::Pos, 7, "POS", "pos", Some(Channel::PointOfSale)),
    (SessionType::Ecommerce, 8, "eCommerce", "ecommerce", Some(Channel::Web)),
    (SessionType::Chat, 0, "Chat", "chat", Some(Channel::Chat)),
    (SessionType::Other, 0, "Other", "other", Some(Channel::Other)),
];

impl SessionType {
    fn row(self) -> &'static ActionTypeRow {
        SESSION_TYPES.iter().find(|row| row.0 == self).unwrap_or(&SESSION_TYPES[9])
    }

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        self.row().3
    }

    /// The Handshake's name of the action type.
    pub fn action_name(self) -> &'static str {
        self.row().2
    }

    /// The number of the action type, 1 to 8; `None` for the two that the Handshake lacks.
    pub fn action_number(self) -> Option<u8> {
        (self.row().1 > 0).then_some(self.row().1)
    }

    /// The channel that the type implies.
    pub fn channel(self) -> Option<Channel> {
        self.row().4
    }

    /// Reads the word of the wire, or the Handshake's name in any case.
    pub fn from_word(word: &str) -> Option<SessionType> {
        let same = |row: &&ActionTypeRow| row.3 == word || row.2.eq_ignore_ascii_case(word);
        SESSION_TYPES.iter().find(same).map(|row| row.0)
    }

    /// Reads the number of an action type, 1 to 8.
    pub fn from_action_number(number: u8) -> Option<SessionType> {
        SESSION_TYPES.iter().find(|row| row.1 == number && number > 0).map(|row| row.0)
    }

    /// What a session on `channel` is, unless a signal says more.
    pub fn of_channel(channel: Channel) -> SessionType {
        match channel {
            Channel::Web => SessionType::WebVisit,
            Channel::App => SessionType::AppVisit,
            Channel::Voice => SessionType::PhoneCall,
            Channel::Chat => SessionType::Chat,
            Channel::Messaging => SessionType::MobileMessage,
            Channel::Kiosk => SessionType::KioskVisit,
            Channel::PointOfSale => SessionType::Pos,
            Channel::Other => SessionType::Other,
        }
    }
}
