//! The vendor's closed words and ours, both ways.
//!
//! The lists are those of the seeds and of the current SDK. On input any other word is kept as it
//! came; on output it is `Unknown`.
use sessionary_core::channel::Channel;

/// What the SDKs make of a word that they do not know; it means nothing but that.
const OUTDATED: &str = "OutdatedSdkVersion";
pub(super) const UNKNOWN: &str = "Unknown";

/// (the vendor's, ours)
const DIRECTIONS: [(&str, &str); 3] =
    [("Unknown", "unknown"), ("Inbound", "inbound"), ("Outbound", "outbound")];
const ACD_OUTCOMES: [(&str, &str); 4] = [
    ("Unknown", "unknown"),
    ("Abandon", "abandoned"),
    ("Answered", "answered"),
    ("FlowOut", "flowed_out"),
];

const DISCONNECT_TYPES: [&str; 21] = [
    "Unknown",
    "Endpoint",
    "Client",
    "System",
    "Transfer",
    "Error",
    "Peer",
    "Other",
    "Spam",
    "Timeout",
    "TransportFailure",
    "ConferenceTransfer",
    "ConsultTransfer",
    "ForwardTransfer",
    "NoAnswerTransfer",
    "NotAvailableTransfer",
    "Uncallable",
    "DoNotDisturbEndpoint",
    "DoNotDisturbTransfer",
    "SessionExpired",
    "Takeover",
];

/// Reasons and parties of other sources, and the nearest word of the vendor.
const DISCONNECTED: [(&str, &str); 10] = [
    ("failed", "Error"),
    ("failure", "Error"),
    ("session_failure", "Error"),
    ("no_answer", "Timeout"),
    ("silence", "Timeout"),
    ("end_user", "Peer"),
    ("customer", "Peer"),
    ("hangup", "Peer"),
    ("agent", "Client"),
    ("transferred_out", "Transfer"),
];

/// Types of sessions at the vendor, and the channel that each is on here.
const TYPES: [(&str, Channel); 12] = [
    ("web", Channel::Web),
    ("app", Channel::App),
    ("voice", Channel::Voice),
    ("chat", Channel::Chat),
    ("messaging", Channel::Messaging),
    ("kiosk", Channel::Kiosk),
    ("pos", Channel::PointOfSale),
    ("other", Channel::Other),
    ("call", Channel::Voice),
    ("webchat", Channel::Chat),
    ("message", Channel::Messaging),
    ("atm", Channel::Kiosk),
];

/// Types of channels of a conversation, and ours.
const CHANNELS: [(&str, Channel); 8] = [
    ("Voice", Channel::Voice),
    ("Call", Channel::Voice),
    ("Callback", Channel::Voice),
    ("Chat", Channel::Chat),
    ("Webchat", Channel::Chat),
    ("Message", Channel::Messaging),
    ("Messaging", Channel::Messaging),
    ("InternalMessage", Channel::Messaging),
];

/// Every type of a channel that the vendor knows.
const CHANNEL_TYPES: [&str; 15] = [
    "Unknown",
    "Call",
    "Callback",
    "Email",
    "GenericObject",
    "Messaging",
    "Social",
    "Webchat",
    "Voice",
    "Chat",
    "Cobrowse",
    "Video",
    "Screenshare",
    "Message",
    "InternalMessage",
];

const MESSAGE_TYPES: [&str; 10] = [
    "Unknown",
    "Sms",
    "Twitter",
    "Facebook",
    "Line",
    "WhatsApp",
    "WebMessaging",
    "Open",
    "Instagram",
    "Apple",
];

const CASE_STATUSES: [&str; 5] = ["Unknown", "Open", "InProgress", "Terminated", "Closed"];

/// Whether two words are one, whatever their case and underscores.
fn is_same(one: &str, other: &str) -> bool {
    let letters = |word: &'_ str| {
        word.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    letters(one) == letters(other)
}

fn ours(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(theirs, _)| is_same(theirs, word)).map(|(_, ours)| *ours)
}

fn theirs(table: &[(&'static str, &str)], word: &str) -> &'static str {
    let same = |row: &&(&'static str, &str)| is_same(row.0, word) || is_same(row.1, word);
    table.iter().find(same).map_or(UNKNOWN, |(theirs, _)| *theirs)
}

fn listed(list: &[&'static str], word: &str) -> Option<&'static str> {
    list.iter().find(|known| is_same(known, word)).copied()
}

/// A word as it came, without what the SDKs make of words that they do not know.
fn without_fallback(word: &str) -> &str {
    if is_same(word, OUTDATED) { UNKNOWN } else { word }
}

/// The direction that a word of the vendor means, else the word.
pub(super) fn direction_in(word: &str) -> &str {
    let word = without_fallback(word);
    ours(&DIRECTIONS, word).unwrap_or(word)
}

pub(super) fn direction_out(word: &str) -> &'static str {
    theirs(&DIRECTIONS, word)
}

pub(super) fn acd_outcome_in(word: &str) -> &str {
    let word = without_fallback(word);
    ours(&ACD_OUTCOMES, word).unwrap_or(word)
}

pub(super) fn acd_outcome_out(word: &str) -> &'static str {
    theirs(&ACD_OUTCOMES, word)
}

pub(super) fn disconnect_in(word: &str) -> &str {
    without_fallback(word)
}

pub(super) fn disconnect_out(word: &str) -> &'static str {
    let nearest = || DISCONNECTED.iter().find(|(known, _)| is_same(known, word)).map(|row| row.1);
    listed(&DISCONNECT_TYPES, word).or_else(nearest).unwrap_or(UNKNOWN)
}

pub(super) fn case_status_out(word: &str) -> &'static str {
    listed(&CASE_STATUSES, word).unwrap_or(UNKNOWN)
}

/// The channel of a session of this type.
pub(super) fn channel_of_type(word: &str) -> Option<Channel> {
    TYPES.iter().find(|(theirs, _)| is_same(theirs, word)).map(|(_, channel)| *channel)
}

/// The type of a session on this channel.
pub(super) fn type_of_channel(channel: Channel) -> &'static str {
    TYPES.iter().find(|(_, known)| *known == channel).map_or("other", |(theirs, _)| *theirs)
}

/// The channel that a channel of a conversation is.
pub(super) fn channel_of_conversation(word: &str) -> Option<Channel> {
    CHANNELS.iter().find(|(theirs, _)| is_same(theirs, word)).map(|(_, channel)| *channel)
}

/// The type of a conversation's channel: the vendor's own word, or the one for a channel of ours.
pub(super) fn channel_type_out(word: &str) -> &'static str {
    let of = |channel| CHANNELS.iter().find(|(_, known)| *known == channel).map(|row| row.0);
    listed(&CHANNEL_TYPES, word).or_else(|| of(Channel::from_word(word)?)).unwrap_or(UNKNOWN)
}

pub(super) fn message_type_out(word: &str) -> &'static str {
    listed(&MESSAGE_TYPES, word).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_vendor_comes_back_and_the_fallback_of_the_sdks_does_not() {
        for (theirs, _) in DIRECTIONS {
            assert_eq!(direction_out(direction_in(theirs)), theirs);
        }
        for (theirs, _) in ACD_OUTCOMES {
            assert_eq!(acd_outcome_out(acd_outcome_in(theirs)), theirs);
        }
        for word in DISCONNECT_TYPES {
            assert_eq!(disconnect_out(disconnect_in(word)), word);
        }
        for read in [direction_in(OUTDATED), acd_outcome_in(OUTDATED), disconnect_in(OUTDATED)] {
            assert_eq!(read.to_lowercase(), "unknown");
        }
        for told in [direction_out, acd_outcome_out, disconnect_out, case_status_out] {
            assert_eq!((told(OUTDATED), told("tomorrow's word")), (UNKNOWN, UNKNOWN));
        }
        assert_eq!((direction_out("internal"), channel_type_out(OUTDATED)), (UNKNOWN, UNKNOWN));
    }

    #[test]
    fn words_of_other_sources_find_the_nearest() {
        assert_eq!(disconnect_out("transport_failure"), "TransportFailure");
        assert_eq!(disconnect_out("end_user"), "Peer");
        assert_eq!(channel_type_out("voice"), "Voice");
        assert_eq!(channel_type_out("messaging"), "Messaging");
        assert_eq!(message_type_out("sms"), "Sms");
        for channel in Channel::ALL {
            assert_eq!(channel_of_type(type_of_channel(channel)), Some(channel));
        }
    }
}
