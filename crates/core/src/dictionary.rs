//! The dictionary: every field that Sessionary knows, as rows of one table.
//!
//! Decoders, masking, the `OpenAPI` document, Parquet columns, console labels and the reference page
//! are all read from it. A row without a class of personal data does not compile.
use crate::signal::FieldNumber;

mod lookup;
mod name_hash;
mod parse;
mod table;
pub use lookup::{Member, by_member, by_name, by_parameter};
pub use name_hash::{NameHash, NameHasher};
pub use parse::{Given, WrongValue};
pub use table::FIELDS;

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The Handshake's signal number, or ours from 1000 up where it has none.
    pub number: u32,
    /// The long name: the Handshake's field name exactly as printed, else the concept in snake case.
    pub name: &'static str,
    /// The Handshake's signal name (`SessionTrackingCampaignName`); empty for our own rows.
    pub signal_name: &'static str,
    /// Other spellings that are accepted by name (D2).
    pub aliases: &'static [&'static str],
    /// Short parameter of the Handshake's query form (`TSC`).
    pub parameter: Option<&'static str>,
    /// What a value is.
    pub kind: FieldType,
    /// What a number counts.
    pub unit: Unit,
    /// Whether the Handshake asks for it, and how much we insist (D11).
    pub required: Required,
    /// Class of personal data.
    pub class: PiiClass,
    /// Which value a session keeps when several signals bring one.
    pub keep: Keep,
    /// Group, for pages and forms.
    pub group: Group,
    /// What a person reads on a form or column head.
    pub label: &'static str,
    /// Dotted path of the member in a signal of our own form (`page.url`).
    pub member: &'static str,
    /// Dotted path in our session record (`attribution.source`); empty: not part of the record.
    pub record: &'static str,
    /// The canonical concept of the crosswalk (`attribution.source`).
    pub concept: &'static str,
    /// Member paths of the other sources that mean the same, by source.
    pub sources: &'static [(Source, &'static str)],
    /// One sentence: unit, range, origin; what is particular about it.
    pub about: &'static str,
}

impl Field {
    /// Its number, as signals hold it.
    pub const fn number(&self) -> FieldNumber {
        FieldNumber(self.number)
    }
}

/// A foreign source whose fields the dictionary covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Genesys Cloud Journey.
    Genesys,
    /// Google CCAI Platform.
    Ccai,
    /// Tropo `WebAPI`.
    Tropo,
    /// Segment; paths of the place that it has for a field in the call that suits it.
    Segment,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// UTF-8 text.
    Text,
    /// Unsigned integer.
    Number,
    /// Exact decimal.
    Decimal,
    /// Moment.
    Instant,
    /// Yes or no.
    Flag,
    /// List of texts (pipe-delimited in the Handshake).
    Texts,
    /// Any JSON.
    Json,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// No unit.
    None,
    /// Milliseconds.
    Millis,
    /// Money, in the currency of field `commerce_currency`.
    Money,
    /// Things.
    Count,
}

/// How much a disposition insists on a field (D11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// Optional.
    No,
    /// Without it a disposition is refused.
    Hard,
    /// Missing is a warning; a strict key refuses.
    Soft,
    /// The server's own: ignored on input, always in the reply.
    Server,
}

/// Class of personal data.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PiiClass {
    /// Direct identifier.
    Direct,
    /// Quasi-identifier.
    Quasi,
    /// Network.
    Network,
    /// Link with content.
    Link,
    /// Free text.
    Free,
    /// Worker.
    Worker,
    /// Special: consent and the like.
    Special,
    /// Business.
    Business,
    /// Technical.
    Technical,
}

impl PiiClass {
    /// All of them.
    pub const ALL: [PiiClass; 9] = [
        PiiClass::Direct,
        PiiClass::Quasi,
        PiiClass::Network,
        PiiClass::Link,
        PiiClass::Free,
        PiiClass::Worker,
        PiiClass::Special,
        PiiClass::Business,
        PiiClass::Technical,
    ];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            PiiClass::Direct => "direct",
            PiiClass::Quasi => "quasi",
            PiiClass::Network => "network",
            PiiClass::Link => "link",
            PiiClass::Free => "free",
            PiiClass::Worker => "worker",
            PiiClass::Special => "special",
            PiiClass::Business => "business",
            PiiClass::Technical => "technical",
        }
    }

    /// Reads the word of the wire.
    pub fn from_word(word: &str) -> Option<PiiClass> {
        PiiClass::ALL.into_iter().find(|class| class.word() == word)
    }

    /// Whether values of the class belong to the sealable part of a stored signal (CORE.md 7).
    pub fn is_sealed(self) -> bool {
        matches!(
            self,
            PiiClass::Direct
                | PiiClass::Quasi
                | PiiClass::Network
                | PiiClass::Link
                | PiiClass::Free
                | PiiClass::Worker
        )
    }
}

/// Which value a session keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// That of the first signal in event order that brings one.
    First,
    /// That of the last.
    Last,
    /// The greatest.
    Greatest,
    /// The sum over its signals.
    Sum,
    /// Every distinct value, in event order.
    All,
    /// None: it concerns the one signal only.
    Signal,
}

/// Groups of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Group {
    Session,
    Attribution,
    User,
    Commerce,
    Signals,
    Api,
    Integration,
    Echo,
    Times,
    Durations,
    State,
    Outcome,
    Person,
    Technical,
    Telephony,
    Context,
}

/// The row of a number.
pub fn by_number(number: FieldNumber) -> Option<&'static Field> {
    let at = BY_NUMBER.get(number.0 as usize).copied()?;
    FIELDS.get(usize::from(at))
}

/// Numbers up to here may have rows.
const NUMBERS: usize = 1_280;

/// The place of each number's row in the table; beyond its end where there is none.
static BY_NUMBER: [u16; NUMBERS] = places();

#[expect(clippy::cast_possible_truncation, reason = "there are hundreds of rows")]
#[expect(clippy::indexing_slicing, reason = "a number beyond the end does not compile")]
const fn places() -> [u16; NUMBERS] {
    let mut places = [u16::MAX; NUMBERS];
    let mut at = 0;
    while at < FIELDS.len() {
        places[FIELDS[at].number as usize] = at as u16;
        at += 1;
    }
    places
}

/// Numbers that the fold itself speaks of.
pub mod field {
    use super::FieldNumber;
    macro_rules! numbers {
        ($($name:ident = $number:literal, $about:literal;)*) => {
            $(#[doc = $about] pub const $name: FieldNumber = FieldNumber($number);)*
        };
    }
    numbers! {
        USER_PHONE = 43, "Phone of the person (ANI).";
        USER_FULL_NAME = 46, "Name of the person as the sender shows it.";
        USER_EMAIL = 47, "E-mail of the person.";
        API_SEGMENT = 49, "Opaque word of the sender, returned in the reply.";
        NETWORK_LINK_ID = 59, "Opaque reference of the sender's network.";
        API_MODEL = 93, "Opaque word of the sender, returned in the reply.";
        API_TRACKING_ID = 300, "Correlation id and idempotency key of a disposition.";
        API_RESULT_CODE = 301, "Written in the reply, ignored on input.";
        API_RESULT_MESSAGE = 302, "Written in the reply, ignored on input.";
        INTEGRATION_PLATFORM_ID = 303, "Upstream system, part of the external session id.";
        INTEGRATION_USER_ID = 304, "Upstream user id.";
        INTEGRATION_AGENT_ID = 306, "Agent or operator.";
        INTEGRATION_RESULT_CODE = 307, "What the upstream application returned.";
        INTEGRATION_RESULT_MESSAGE = 308, "Text with the upstream result.";
        INTEGRATION_NOTES = 309, "Free notes with an outcome.";
        ORDER_QUANTITY = 200, "Quantity of an order.";
        ORDER_TOTAL = 205, "Total of an order.";
        ITEMS_SKU = 206, "SKUs of an order; the other item lists follow it.";
        ITEMS_NAME = 207, "Names of the items.";
        ITEMS_QUANTITY = 208, "Quantities of the items.";
        ITEMS_UNIT_PRICE = 209, "Unit prices of the items.";
        ITEMS_DISCOUNT = 210, "Discounts of the items.";
        ITEMS_TAXES = 211, "Taxes of the items.";
        ITEMS_TOTAL = 212, "Totals of the items.";
        SESSION_START = 400, "Start that the sender claims.";
        SESSION_DURATION = 401, "Length that the sender claims, ms.";
        DISPOSITION_CODE = 402, "Disposition code.";
        SESSION_ID = 403, "The sender's session id.";
        SESSION_VARIANT = 404, "Variant of an experiment.";
        RECORDING_URL = 405, "Recording.";
        CAMPAIGN_ID = 406, "Campaign id.";
        CAMPAIGN_NAME = 407, "Campaign name (`utm_campaign`).";
        TRACKING_SOURCE = 408, "`utm_source`.";
        TRACKING_MEDIUM = 409, "`utm_medium`.";
        TRACKING_CONTENT = 410, "`utm_content`.";
        TRACKING_TERM = 411, "`utm_term`.";
        SOURCE_PLATFORM = 412, "`utm_source_platform`.";
        CREATIVE_FORMAT = 413, "`utm_creative_format`.";
        MARKETING_TACTIC = 414, "`utm_marketing_tactic`.";
        REMOTE_IP = 415, "Address of the visitor.";
        USER_AGENT = 417, "User agent.";
        REFERRER = 418, "First referrer.";
        LANDING_URL = 419, "First page.";
        LANDING_TITLE = 420, "Title of the first page.";
        USER_SIGNAL_TYPE = 1001, "Type of the principal user signal (D18).";
        USER_SIGNAL_VALUE = 1002, "Value of the principal user signal.";
        PROGRAM_SIGNAL_TYPE = 1003, "Type of the principal program signal.";
        PROGRAM_SIGNAL_VALUE = 1004, "Value of the principal program signal.";
        PAGE_URL = 1010, "URL of a page; a session keeps the last.";
        PAGE_TITLE = 1011, "Title of a page; a session keeps the last.";
        SEARCH_TERMS = 1012, "What the visitor searched for.";
        ORDER_ID = 1020, "Order id, unique in the tenant for ever.";
        CURRENCY = 1021, "ISO 4217 currency of the amounts (D14).";
        CLICK_ID = 1022, "Advertising click id.";
        CLICK_NETWORK = 1023, "Network that gave the click id.";
        DIRECTION = 1030, "inbound, outbound, internal or unknown.";
        DISCONNECT_REASON = 1031, "Why an interaction ended, e.g. failed, `no_answer`, `dead_air`, `wrong_number`, spam.";
        ANSWERED_BY = 1032, "human, virtual, machine or nobody.";
        LINE_NUMBER = 1033, "Our number that was dialled or that dialled.";
        SCHEDULED_AT = 1034, "When an interaction is booked for.";
        QUEUE = 1035, "Queue.";
        RATING = 1036, "Rating by the person, 1 to 4.";
        RATING_COMMENT = 1037, "Comment with a rating.";
        FOREGROUND_MS = 1038, "Time in the foreground since the last heartbeat, ms.";
        AUTHENTICATED = 1039, "Signed in.";
        OCCURRED_PRECISION = 1040, "How exact `occurred_at` is: ms, s, min, day, month.";
        DO_NOT_CONTACT = 1041, "The person asked not to be contacted.";
        RECORDING_PERMISSION = 1042, "granted, denied or `not_asked`.";
        AGENT_NAME = 1043, "Name of an agent.";
        ENDED_HOW = 1044, "completed, failed, abandoned, timeout, `transferred_out`.";
        EXPERIMENT_ID = 1045, "Experiment of an exposure.";
        CALL_ID = 1046, "Call id, unique in the tenant for ever.";
        LANGUAGE = 1047, "Language, BCP 47.";
        SHORT_ID = 1101, "Digits to read aloud.";
        EXTERNAL_URL = 1103, "Page about the session in the sender's system.";
        PARENT_ID = 1104, "The session that this one retries or continues.";
        ACCOUNT = 1105, "Account or divisions at the sender, texts.";
        SESSION_TYPE = 1106, "Type of session; travels as the session type of a signal.";
        SOURCE_TYPE = 1107, "The source's own word for the type of session.";
        CHANNELS = 1108, "Every channel of a conversation, JSON.";
        MEDIUM = 1109, "Network under the channel: sms, pstn, voip.";
        CONVERSATION = 1110, "Reference of the conversation, JSON.";
        SUBJECT = 1111, "Subject line.";
        ENDED_AT = 1120, "End that the sender claims.";
        QUEUED_AT = 1121, "When the person began to wait.";
        ASSIGNED_AT = 1122, "When an agent was found.";
        CONNECTED_AT = 1123, "When the agent was connected.";
        UPDATED_AT = 1124, "When the source last changed its record.";
        IDLE_AT = 1125, "When the visitor is to be taken for idle.";
        AWAY_AT = 1126, "When the visitor is to be taken for gone.";
        HOLD_MS = 1130, "Time on hold, ms.";
        WAIT_MS = 1131, "Time before the agent was connected, ms.";
        HANDLE_LEGS = 1132, "Per agent, JSON.";
        QUEUE_LEGS = 1133, "Per queue, JSON.";
        VIRTUAL_AGENT_LEGS = 1134, "Per virtual agent, JSON.";
        LEGS_REPORTED = 1135, "Every leg as the source reports it, JSON.";
        AFTER_WORK_MS = 1136, "An agent's work after a leg, ms.";
        BEFORE_WORK_MS = 1137, "An agent's work before a leg, ms.";
        MET_SERVICE_LEVEL = 1138, "Whether a wait met the service level.";
        SOURCE_STATUS = 1140, "The source's own status.";
        SOURCE_SUB_STATUS = 1141, "Finer status of the source.";
        VIRTUAL_AGENT = 1142, "Whether a virtual agent was assigned.";
        VIRTUAL_AGENT_CONNECTED_AT = 1143, "When a virtual agent was connected.";
        ACD_OUTCOME = 1144, "What call distribution came to.";
        DISCONNECTED_BY = 1145, "Who ended an interaction.";
        EVENT_COUNT = 1146, "Events as the source counts them.";
        PAGEVIEW_COUNT = 1147, "Page views as the source counts them.";
        SCREENVIEW_COUNT = 1148, "Screen views as the source counts them.";
        MESSAGE_COUNT = 1149, "Messages as the source counts them.";
        LAST_EVENT = 1150, "The source's last event, JSON.";
        SOURCE_STATUS_NEXT = 1151, "Statuses that usually follow the source's status, texts.";
        SOURCE_DISPOSITION_CODES = 1160, "The source's own codes, texts.";
        SOURCE_DISPOSITION = 1161, "The source's whole statement of the outcome, JSON.";
        OUTCOMES = 1162, "Goals reached, JSON.";
        SEGMENTS = 1163, "Segments assigned, JSON.";
        HAS_FEEDBACK = 1164, "Whether the person answered the survey.";
        DEFLECTION = 1165, "Where the person was led instead of the queue.";
        DEFLECTION_DETAILS = 1166, "Each deflection, JSON.";
        RECORDINGS = 1167, "Every recording, JSON.";
        EXTERNAL_CONTACT = 1170, "Reference in the source's contact list, JSON.";
        USER_TYPE = 1171, "human, machine or fax.";
        VERIFIED = 1172, "Whether the person proved who they are.";
        IP_ORGANIZATION = 1180, "Owner of the address block.";
        BROWSER = 1181, "Browser, JSON.";
        DEVICE = 1182, "Device, JSON.";
        GEOLOCATION = 1183, "Place of the address, JSON.";
        APP = 1184, "Application, JSON.";
        SDK = 1185, "Library that sent the signals, JSON.";
        CONNECTIVITY = 1186, "The device's connection, JSON.";
        SCREEN_NAME = 1187, "Screen of an application; a session keeps the last.";
        SIP_HEADERS = 1188, "Headers of the call set-up, JSON.";
        LATITUDE = 1189, "Degrees north.";
        LONGITUDE = 1190, "Degrees east.";
        OUTBOUND_NUMBER = 1200, "Number of ours that an outbound call showed.";
        DESTINATION_NAME = 1201, "Line or application that was reached.";
        INITIAL_TEXT = 1202, "Text with which a messaging session began.";
        MENU_SELECTED = 1203, "Menu entry, JSON.";
        MENU_PATH = 1204, "Names from the root of the menu, texts.";
        MENU_PATH_IDS = 1205, "Ids from the root of the menu, texts.";
        QUEUE_PRIORITY = 1206, "1 to 8.";
        PARTICIPANTS = 1207, "Who took part, JSON.";
        TRANSFERS = 1208, "From whom to whom, JSON.";
        SMART_ACTIONS = 1209, "What the person was asked for, JSON.";
        IN_CALL_MESSAGES = 1210, "Text messages during a call, JSON.";
        WAITING_MESSAGES = 1211, "Text messages while waiting, JSON.";
        TICKET_ID = 1212, "Ticket or case.";
        TICKET_URL = 1213, "Page of the ticket.";
        CASES = 1214, "Cases of the source, JSON.";
        DIAGNOSTICS = 1215, "Quality of the connection, JSON.";
        SOURCE_ATTRIBUTES = 1220, "Values that the source's users define, JSON.";
        SOURCE_ATTRIBUTE_LISTS = 1221, "Lists that the source's users define, JSON.";
    }
}
