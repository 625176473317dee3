//! The types of a session: the current names, those of the documents and the older ones.
use std::{collections::HashMap, sync::LazyLock};

use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::NameHash,
};

/// One type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    /// The current name (`session_type_v2`).
    pub(super) name: &'static str,
    /// The older name (`session_type`, `call_type`, `chat_type`).
    pub(super) older: &'static str,
    /// inbound, outbound or internal.
    pub(super) direction: &'static str,
    /// The network: pstn, voip, sms, whatsapp, `web_chat`, `in_app_chat`.
    pub(super) medium: &'static str,
}

type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Current name, name in the documents, older name (empty: the current one), direction, medium.
#[rustfmt::skip]
const ROWS: [Row; 25] = [
    ("Voice Inbound (IVR)", "Voice inbound", "Voice Inbound", "inbound", "pstn"),
    ("Voice Inbound (IVR using Mobile)", "Voice inbound (IVR by Mobile)", "", "inbound", "pstn"),
    ("Voice Inbound (Mobile)", "Voice inbound (Mobile)", "Voice Inbound (App)", "inbound", "voip"),
    ("Voice Callback (Web)", "Voice callback (Web)", "", "inbound", "pstn"),
    ("Voice Inbound (API)", "Voice inbound (API)", "IncomingCall", "inbound", "pstn"),
    ("Voice Scheduled (Mobile)", "Voice scheduled (Mobile)", "", "inbound", "pstn"),
    ("Voice Scheduled (Web)", "Voice scheduled (Web)", "", "inbound", "pstn"),
    ("Voice Outbound", "Voice outbound", "", "outbound", "pstn"),
    ("Voice Outbound (API)", "Voice outbound (API)", "OutboundCall", "outbound", "pstn"),
    ("Voice Campaign", "Voice Campaign", "", "outbound", "pstn"),
    ("Messaging (WhatsApp)", "Messaging (Whatsapp)", "", "inbound", "whatsapp"),
    ("Messaging Inbound (SMS)", "Messaging inbound (SMS)", "Messaging (SMS)", "inbound", "sms"),
    ("Messaging Outbound (SMS)", "Messaging outbound (SMS)", "Messaging (SMS)", "outbound", "sms"),
    ("Messaging Outbound (SMS via API)", "Messaging outbound (SMS by API)", "Messaging (SMS)", "outbound", "sms"),
    ("Messaging Inbound (Web Chat)", "Messaging (Web)", "", "inbound", "web_chat"),
    ("Messaging Inbound (Mobile Chat)", "Messaging (Mobile)", "Messaging Inbound (App Chat)", "inbound", "in_app_chat"),
    ("Voice Scheduled (API)", "", "", "outbound", "pstn"),
    ("Voice Internal", "", "", "internal", "voip"),
    ("Voice Inbound (Direct)", "", "", "inbound", "pstn"),
    ("Voice Outbound (Direct)", "", "", "outbound", "pstn"),
    ("Voice Outbound (UCaaS)", "", "", "outbound", "voip"),
    ("Voice Inbound (Extension)", "", "", "inbound", "pstn"),
    ("Messaging Inbound (SMS Direct)", "", "", "inbound", "sms"),
    ("Messaging Outbound (SMS Direct)", "", "", "outbound", "sms"),
    ("Messaging Outbound (SMS Direct via API)", "", "", "outbound", "sms"),
];

impl Type {
    /// The channel.
    pub(super) fn channel(self) -> Channel {
        match self.medium {
            "pstn" | "voip" => Channel::Voice,
            "web_chat" | "in_app_chat" => Channel::Chat,
            _ => Channel::Messaging,
        }
    }

    /// Our type of session.
    pub(super) fn session_type(self) -> SessionType {
        SessionType::of_channel(self.channel())
    }

    fn of(row: &Row) -> Type {
        let (name, _, older, direction, medium) = *row;
        let older = if older.is_empty() { name } else { older };
        Type { name, older, direction, medium }
    }
}

/// The type of a name: a current one, one of the documents, or an older one, in that order.
pub(super) fn of_name(name: &str) -> Option<Type> {
    static ROWS_BY_NAME: LazyLock<HashMap<String, &Row, NameHash>> = LazyLock::new(|| {
        let mut rows = HashMap::default();
        let spellings: [fn(&Row) -> &'static str; 3] = [|row| row.0, |row| row.1, |row| row.2];
        for spelling in spellings {
            for row in ROWS.iter().filter(|row| !spelling(row).is_empty()) {
                rows.entry(plain(spelling(row))).or_insert(row);
            }
        }
        rows
    });
    // Names are short; what is long is none, and need not be looked through.
    if name.len() > 64 {
        return None;
    }
    ROWS_BY_NAME.get(&plain(name)).map(|row| Type::of(row))
}

/// Whether two names are of the same words, whatever is between them.
pub(super) fn same_words(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> Vec<u8> {
        let plain = text.bytes().filter(u8::is_ascii_alphanumeric);
        plain.map(|byte| byte.to_ascii_lowercase()).collect()
    };
    other.len() <= 64 && letters(one) == letters(other)
}

/// The words of a name, of which some say the same: by, via and using; app and mobile.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for word in name.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        let start = plain.len();
        plain.push_str(word);
        if let Some(word) = plain.get_mut(start..) {
            word.make_ascii_lowercase();
        }
        let same = match plain.get(start..) {
            Some("by" | "using") => "via",
            Some("app") => "mobile",
            _ => continue,
        };
        plain.truncate(start);
        plain.push_str(same);
    }
    plain
}

/// The type of a session that came by another dialect.
pub(super) fn of_channel(channel: Channel, direction: Option<&str>) -> Option<Type> {
    let is_outbound = direction.is_some_and(|word| word.eq_ignore_ascii_case("outbound"));
    let is_internal = direction.is_some_and(|word| word.eq_ignore_ascii_case("internal"));
    of_name(match (channel, is_outbound) {
        (Channel::Voice, _) if is_internal => "Voice Internal",
        (Channel::Voice, false) => "Voice Inbound (IVR)",
        (Channel::Voice, true) => "Voice Outbound",
        (Channel::Messaging, false) => "Messaging Inbound (SMS)",
        (Channel::Messaging, true) => "Messaging Outbound (SMS)",
        (Channel::Chat, _) => "Messaging Inbound (Web Chat)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_16_types_of_the_documents_are_read_by_every_name_they_have() {
        assert_eq!(ROWS.iter().filter(|row| !row.1.is_empty()).count(), 16);
        for row in &ROWS {
            assert_eq!(of_name(row.0).unwrap().name, row.0);
            assert!(row.1.is_empty() || of_name(row.1).unwrap().name == row.0, "{}", row.1);
            // One older name stands for three newer ones: then it is the first.
            assert!(row.2.is_empty() || of_name(row.2).unwrap().older == row.2, "{}", row.2);
            let channel = Type::of(row).channel();
            assert_eq!(row.0.starts_with("Voice"), channel == Channel::Voice, "{}", row.0);
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        let name = |text| of_name(text).map(|found| found.name);
        assert_eq!(
            name("voice inbound (ivr via mobile)"),
            Some("Voice Inbound (IVR using Mobile)")
        );
        assert_eq!(name("VOICE INBOUND (APP)"), Some("Voice Inbound (Mobile)"));
        assert_eq!(name("Messaging (SMS)"), Some("Messaging Inbound (SMS)"));
        assert_eq!(name("Voice Teleport"), None);
        assert_eq!(name(""), None);
    }
}
