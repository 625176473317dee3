//! The members of a session metadata object, in the order of the specification, and what each is.
//!
//! Decoder and encoder both read this table: a member with a field goes in and out by it; one
//! without is an attribute under its own name.
use std::{collections::HashMap, sync::LazyLock};

use sessionary_core::{
    dictionary::{NameHash, field},
    signal::FieldNumber,
};

/// One member.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) shape: Shape,
    /// Whether calls or chats have it, or both.
    pub(super) of: Of,
}

/// What sessions have a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Calls,
    Chats,
    Both,
    /// Sent, and never written: other spellings, and what is around an event.
    Input,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text.
    Text(FieldNumber),
    /// Text to us, an integer outside where it has only digits.
    Id(FieldNumber),
    /// A count or rank.
    Number(FieldNumber),
    /// Seconds outside, milliseconds inside.
    Seconds(FieldNumber),
    /// A time with an offset.
    Time(FieldNumber),
    /// Yes or no.
    Flag(FieldNumber),
    /// A list, kept as it was sent.
    List(FieldNumber),
    /// An object, kept as it was sent.
    Object(FieldNumber),
    /// No field: an attribute; null where there is none.
    Kept,
    /// The same; an empty list where there is none.
    KeptList,
    /// A code of its own reads and writes it.
    Own,
}

/// Slots of members that are looked at one by one.
macro_rules! members {
    ($($slot:ident $name:literal $of:ident $shape:ident $(($field:ident))?;)*) => {
        /// The place of a member in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::upper_case_acronyms, reason = "names of constants")]
        #[expect(non_camel_case_types, reason = "names of constants")]
        #[expect(dead_code, reason = "most members are read by their shape alone")]
        pub(super) enum Slot { $($slot,)* }

        /// All of them.
        pub(super) const MEMBERS: &[Member] = &[$(
            Member { name: $name, of: Of::$of, shape: Shape::$shape $((field::$field))? },
        )*];
    };
}

#[rustfmt::skip]
members! {
    ID "id" Both Own;
    CALL_UUID "call_uuid" Calls Text(CALL_ID);
    CHAT_UUID "chat_uuid" Chats Kept;
    PARENT_ID "parent_id" Calls Id(PARENT_ID);
    LANG "lang" Both Text(LANGUAGE);
    CALL_TYPE "call_type" Calls Own;
    CHAT_TYPE "chat_type" Chats Own;
    SESSION_TYPE "session_type" Both Own;
    SESSION_TYPE_V2 "session_type_v2" Both Own;
    STATUS "status" Both Own;
    SUB_STATUS "sub_status" Both Text(SOURCE_SUB_STATUS);
    CREATED_AT "created_at" Both Time(SESSION_START);
    QUEUED_AT "queued_at" Both Time(QUEUED_AT);
    ASSIGNED_AT "assigned_at" Both Time(ASSIGNED_AT);
    CONNECTED_AT "connected_at" Both Time(CONNECTED_AT);
    ENDS_AT "ends_at" Both Time(ENDED_AT);
    SCHEDULED_AT "scheduled_at" Both Time(SCHEDULED_AT);
    UPDATED_AT "updated_at" Both Time(UPDATED_AT);
    FIRST_MSG_SENT_AT "first_msg_sent_at" Chats Kept;
    LAST_MSG_SENT_AT "last_msg_sent_at" Chats Kept;
    WAIT_DURATION "wait_duration" Both Seconds(WAIT_MS);
    QUEUE_DURATION "queue_duration" Calls Kept;
    CALL_DURATION "call_duration" Calls Own;
    CHAT_DURATION "chat_duration" Chats Own;
    HOLD_DURATION "hold_duration" Calls Seconds(HOLD_MS);
    IN_QUEUE_WAIT_TIME_VA "in_queue_wait_time_va" Both Kept;
    AUTOMATION_REDIRECTION "automation_redirection" Both Kept;
    MESSAGE_COUNT "message_count" Chats Number(MESSAGE_COUNT);
    AVERAGE_RESPONSE_TIME "average_response_time" Chats Kept;
    LONGEST_RESPONSE_TIME "longest_response_time" Chats Kept;
    TRANSCRIPT "transcript" Chats Kept;
    ANSWER_TYPE "answer_type" Both Own;
    VIRTUAL_AGENT "virtual_agent" Both Flag(VIRTUAL_AGENT);
    VA_CONNECTED_AT "va_connected_at" Both Time(VIRTUAL_AGENT_CONNECTED_AT);
    RATING "rating" Both Number(RATING);
    HAS_FEEDBACK "has_feedback" Both Flag(HAS_FEEDBACK);
    FEEDBACK "feedback" Both Text(RATING_COMMENT);
    OUT_TICKET_ID "out_ticket_id" Both Text(TICKET_ID);
    OUT_TICKET_URL "out_ticket_url" Both Text(TICKET_URL);
    RECORDING_PERMISSION "recording_permission" Both Own;
    RECORDING_URL "recording_url" Both Text(RECORDING_URL);
    RECORDINGS "recordings" Both List(RECORDINGS);
    SUPPORT_NUMBER "support_number" Calls Text(LINE_NUMBER);
    OUTBOUND_NUMBER "outbound_number" Both Text(OUTBOUND_NUMBER);
    CUSTOMER_PHONE_NUMBER "customer_phone_number" Calls Text(USER_PHONE);
    SELECTED_MENU "selected_menu" Both Object(MENU_SELECTED);
    MENU_PATH "menu_path" Both Own;
    QUEUE_PRIORITY_LEVEL "queue_priority_level" Both Number(QUEUE_PRIORITY);
    AGENT_INFO "agent_info" Both Own;
    END_USER "end_user" Both Own;
    VERIFIED "verified" Both Flag(VERIFIED);
    PHOTOS "photos" Both KeptList;
    VIDEOS "videos" Both KeptList;
    TEXTS "texts" Both KeptList;
    SMART_ACTIONS "smart_actions" Both Object(SMART_ACTIONS);
    TRANSFERS "transfers" Both List(TRANSFERS);
    ESCALATIONS "escalations" Both KeptList;
    VIRTUAL_AGENT_DEFLECTED_ESCALATIONS "virtual_agent_deflected_escalations" Both KeptList;
    DEFLECTION "deflection" Both Text(DEFLECTION);
    DEFLECTION_DETAILS "deflection_details" Both List(DEFLECTION_DETAILS);
    VOICEMAIL_REASON "voicemail_reason" Calls Kept;
    VOIP_PROVIDER "voip_provider" Both Kept;
    DISCONNECTED_BY "disconnected_by" Both Text(DISCONNECTED_BY);
    FAIL_REASON "fail_reason" Both Text(INTEGRATION_RESULT_CODE);
    FAIL_DETAILS "fail_details" Both Text(INTEGRATION_RESULT_MESSAGE);
    HANDLE_DURATIONS "handle_durations" Both List(HANDLE_LEGS);
    QUEUE_DURATIONS "queue_durations" Both List(QUEUE_LEGS);
    VA_DURATIONS "virtual_agent_handle_durations" Both List(VIRTUAL_AGENT_LEGS);
    CONSUMER_HANDLE_DURATIONS "consumer_handle_durations" Both KeptList;
    CONSUMER_IN_MENU_DURATIONS "consumer_in_menu_durations" Both KeptList;
    CONSUMER_EVENT_DURATIONS "consumer_event_durations" Both KeptList;
    PARTICIPANTS "participants" Both List(PARTICIPANTS);
    OFFER_TYPE "offer_type" Both Kept;
    OFFER_EVENTS "offer_events" Both KeptList;
    DISPOSITION_CODES "disposition_codes" Both Own;
    DISPOSITION_NOTES "disposition_notes" Both Text(INTEGRATION_NOTES);
    IN_CALL_SMS "in_call_sms" Calls List(IN_CALL_MESSAGES);
    WAIT_TIME_SMS "wait_time_sms" Calls List(WAITING_MESSAGES);
    AGENT_ASSIST_CONVERSATION_ID "agent_assist_conversation_id" Both Kept;
    DIALOGFLOW_CONVERSATION_ID "dialogflow_conversation_id" Both Kept;
    DIAGNOSTICS "diagnostics" Both Object(DIAGNOSTICS);
    SESSIONARY "sessionary" Both Own;
    // Other spellings, and what stands around the members of an event.
    SUB_STATUS_AS_PRINTED "subStatus" Input Text(SOURCE_SUB_STATUS);
    CALL_ID "call_id" Input Own;
    CHAT_ID "chat_id" Input Own;
    EVENT_ID "event_id" Input Own;
    OCCURRED_AT "occurred_at" Input Own;
    TIMESTAMP "timestamp" Input Own;
    COUNT "count" Input Own;
    EVENTS "events" Input Own;
    ITEM "item" Input Own;
    DISPOSITIONS "dispositions" Input Own;
    QUEUE_PATH_NAMES "queue_path_names" Input Own;
    AGENT_ID "agent_id" Input Text(INTEGRATION_AGENT_ID);
    AGENT_NAME "agent_name" Input Text(AGENT_NAME);
}

/// Where the member of a name stands in the table.
pub(super) fn find(name: &str) -> Option<usize> {
    static PLACES: LazyLock<HashMap<&'static str, usize, NameHash>> =
        LazyLock::new(|| MEMBERS.iter().zip(0..).map(|(member, at)| (member.name, at)).collect());
    PLACES.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_found_under_its_name_and_stands_in_its_slot() {
        for (at, member) in MEMBERS.iter().enumerate() {
            assert_eq!(find(member.name), Some(at));
        }
        assert_eq!(MEMBERS[Slot::AGENT_NAME as usize].name, "agent_name");
        assert_eq!(MEMBERS[Slot::DIAGNOSTICS as usize].name, "diagnostics");
        assert_eq!(find("diagnostic"), None);
    }
}
