//! The statuses of a session, by number and by name, and what each means.
//!
//! Which status usually follows which is nowhere documented; it is inferred from the descriptions
//! of the statuses. Any other order is taken and flagged.
use sessionary_core::signal::kind;

/// One status.
#[derive(Debug)]
pub(super) struct Status {
    /// Its name, as it is written.
    pub(super) name: &'static str,
    /// The kind of signal that says so.
    pub(super) kind: &'static str,
    /// Who answers, where the status says it.
    pub(super) answered_by: Option<&'static str>,
    /// How the session ended, where the status says it.
    pub(super) ended_how: Option<&'static str>,
    /// The statuses that usually follow.
    pub(super) next: &'static [&'static str],
}

impl Status {
    /// Whether the session is over with it, as far as it says.
    pub(super) fn is_terminal(&self) -> bool {
        self.kind == kind::CALL_ENDED
    }
}

type Row = (Option<u8>, &'static str, &'static str, &'static [&'static str]);

/// Number, name, kind of signal, usual successors.
#[rustfmt::skip]
const ROWS: [Row; 30] = [
    (Some(0), "scheduled", kind::CALL_PROGRESSED,
        &["selecting", "queued", "assigned", "connecting", "va_assigned", "deflected", "failed", "canceled"]),
    (Some(1), "queued", kind::CALL_QUEUED,
        &["assigned", "va_assigned", "scheduled", "deflected", "voicemail", "failed", "queued", "abandoned", "canceled"]),
    (Some(2), "assigned", kind::CALL_PROGRESSED,
        &["connecting", "connected", "queued", "requeued", "failed", "finished", "ongoing", "abandoned"]),
    (Some(3), "connecting", kind::CALL_PROGRESSED,
        &["connected", "switching", "queued", "requeued", "failed"]),
    (Some(4), "switching", kind::CALL_PROGRESSED,
        &["connecting", "connected", "requeued", "failed"]),
    (Some(5), "connected", kind::CALL_ANSWERED,
        &["finished", "queued", "assigned", "va_assigned", "requeued", "switching", "deflected", "failed"]),
    (Some(8), "finished", kind::CALL_ENDED, &[]),
    (Some(9), "failed", kind::CALL_ENDED, &["recovered", "requeued"]),
    (Some(10), "recovered", kind::CALL_ENDED, &[]),
    (Some(11), "deflected", kind::CALL_ENDED, &["voicemail"]),
    (Some(12), "selecting", kind::MENU_ENTERED,
        &["queued", "va_assigned", "assigned", "scheduled", "deflected", "voicemail", "finished", "failed"]),
    (Some(13), "va_assigned", kind::CALL_PROGRESSED,
        &["va_connected", "queued", "deflected", "failed"]),
    (Some(14), "va_connected", kind::CALL_ANSWERED,
        &["queued", "assigned", "va_assigned", "selecting", "deflected", "voicemail", "finished", "failed"]),
    (Some(15), "preview_pending", kind::CALL_PROGRESSED, &["preview_ready", "failed"]),
    (Some(16), "preview_ready", kind::CALL_PROGRESSED,
        &["campaign_connecting", "campaign_dialing", "preview_waiting", "failed", "finished"]),
    (Some(17), "campaign_connecting", kind::CALL_PROGRESSED,
        &["campaign_dialing", "campaign_connected", "failed"]),
    (Some(18), "campaign_connected", kind::CALL_ANSWERED,
        &["connected", "queued", "assigned", "finished", "failed"]),
    (Some(19), "requeued", kind::CALL_QUEUED,
        &["assigned", "va_assigned", "deflected", "voicemail", "failed"]),
    (Some(20), "predictive_waiting", kind::CALL_PROGRESSED,
        &["campaign_dialing", "campaign_connecting", "campaign_connected", "finished", "failed"]),
    (Some(21), "progressive_waiting", kind::CALL_PROGRESSED,
        &["campaign_dialing", "campaign_connecting", "campaign_connected", "finished", "failed"]),
    (Some(22), "preview_waiting", kind::CALL_PROGRESSED,
        &["preview_pending", "preview_ready", "campaign_dialing", "campaign_connecting", "finished", "failed"]),
    (Some(23), "campaign_dialing", kind::CALL_PROGRESSED,
        &["campaign_connecting", "campaign_connected", "connected", "voicemail", "failed", "finished"]),
    (Some(80), "voicemail", kind::CALL_DEFLECTED, &["voicemail_received", "failed", "finished"]),
    (Some(81), "voicemail_received", kind::CALL_ENDED, &["voicemail_read"]),
    (None, "action_only", kind::CALL_STARTED, &["action_only_finished", "failed"]),
    (None, "action_only_finished", kind::CALL_ENDED, &[]),
    (None, "voicemail_read", kind::CALL_ENDED, &[]),
    (None, "canceled", kind::CALL_ENDED, &[]),
    (None, "ongoing", kind::CALL_ANSWERED, &["finished", "queued", "assigned", "va_assigned", "failed"]),
    (None, "abandoned", kind::CALL_ENDED, &[]),
];

/// How a session ended that has this status; the others say nothing of it.
const ENDED_HOW: [(&str, &str); 8] = [
    ("finished", "completed"),
    ("recovered", "completed"),
    ("action_only_finished", "completed"),
    ("voicemail_received", "completed"),
    ("failed", "failed"),
    ("deflected", "transferred_out"),
    ("canceled", "abandoned"),
    ("abandoned", "abandoned"),
];

/// The status of a number or a name, in any case and with spaces or hyphens as well.
pub(super) fn of_word(word: &str) -> Option<Status> {
    let number = word.parse::<u8>().ok();
    let is_it = |row: &&Row| match number {
        Some(_) => row.0 == number,
        None => same(row.1, word),
    };
    ROWS.iter().find(is_it).map(status)
}

fn same(name: &str, word: &str) -> bool {
    name.len() == word.len()
        && name.bytes().zip(word.bytes()).all(|(one, other)| match other {
            b' ' | b'-' => one == b'_',
            other => one == other.to_ascii_lowercase(),
        })
}

fn status(row: &Row) -> Status {
    let (_, name, kind, next) = *row;
    let answered_by = match name {
        "va_connected" => Some("virtual"),
        _ if kind == kind::CALL_ANSWERED => Some("human"),
        _ => None,
    };
    let ended_how = ENDED_HOW.iter().find(|(known, _)| *known == name).map(|(_, how)| *how);
    Status { name, kind, answered_by, ended_how, next }
}

/// Reasons of a failure with which the person went away; no failure of ours.
const LEFT: [&str; 6] = [
    "eu_canceled",
    "eu_rejected",
    "eu_abandoned",
    "eu_in_menu_abandoned",
    "no_response",
    "end_user_opt_out",
];

/// Reasons that say something of the person's line.
const LINE: [(&str, &str); 3] =
    [("eu_wrong_number", "wrong_number"), ("eu_busy", "busy"), ("eu_no_answer", "no_answer")];

/// How a failed session ended, by its reason.
pub(super) fn failed_how(reason: Option<&str>) -> &'static str {
    if reason.is_some_and(|reason| LEFT.contains(&reason)) { "abandoned" } else { "failed" }
}

/// What a reason says of the person's line, in our words.
pub(super) fn line_reason(reason: &str) -> Option<&'static str> {
    LINE.iter().find(|(known, _)| *known == reason).map(|(_, ours)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_24_numbers_and_their_names_are_one() {
        let numbers: Vec<u8> = ROWS.iter().filter_map(|row| row.0).collect();
        let expected: Vec<u8> = (0..=5).chain(8..=23).chain([80, 81]).collect();
        assert_eq!((numbers.len(), numbers), (24, expected));
        for row in &ROWS {
            assert_eq!(of_word(row.1).unwrap().name, row.1);
            if let Some(number) = row.0 {
                assert_eq!(of_word(&number.to_string()).unwrap().name, row.1);
            }
        }
        assert_eq!(of_word("VA Connected").unwrap().name, "va_connected");
        assert!(of_word("61").is_none() && of_word("").is_none() && of_word("queue").is_none());
    }

    #[test]
    fn what_follows_a_status_is_a_status() {
        for (_, name, _, next) in &ROWS {
            for word in *next {
                assert!(of_word(word).is_some(), "{word} after {name}");
            }
        }
        assert!(ENDED_HOW.iter().all(|(name, _)| of_word(name).unwrap().is_terminal()));
    }
}
