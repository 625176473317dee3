//! The words of channels, networks and kinds of users, in the platform's spelling and in ours.
use sessionary_core::channel::Channel;

/// The platform's word, ours; of two that mean the same here, the first is told. An open list.
const NETWORKS: [(&str, &str); 10] = [
    ("PSTN", "pstn"),
    ("VOIP", "voip"),
    ("SIP", "voip"),
    ("AIM", "im_aim"),
    ("GTALK", "im_gtalk"),
    ("JABBER", "im_jabber"),
    ("MSN", "im_msn"),
    ("SMS", "sms"),
    ("YAHOO", "im_yahoo"),
    ("MMS", "mms"),
];

/// Our word for a network; one that is not listed in lower case.
pub(super) fn medium(network: &str) -> Box<str> {
    let known = NETWORKS.iter().find(|(word, _)| word.eq_ignore_ascii_case(network));
    known.map_or_else(|| network.to_lowercase().into(), |(_, medium)| (*medium).into())
}

/// The platform's word for a medium.
pub(super) fn network(medium: &str) -> String {
    let known = NETWORKS.iter().find(|(_, known)| *known == medium);
    known.map_or_else(|| medium.to_uppercase(), |(word, _)| (*word).to_owned())
}

/// The channel that the platform names.
pub(super) fn channel(word: &str) -> Option<Channel> {
    match word {
        word if word.eq_ignore_ascii_case("VOICE") => Some(Channel::Voice),
        word if word.eq_ignore_ascii_case("TEXT") => Some(Channel::Messaging),
        _ => None,
    }
}

/// The platform's word for a channel: it knows two.
pub(super) fn channel_word(channel: Channel) -> &'static str {
    if channel == Channel::Voice { "VOICE" } else { "TEXT" }
}
