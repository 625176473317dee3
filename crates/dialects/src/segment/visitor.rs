//! Whom a call is about, and where it took place.
use std::borrow::Cow;

use sessionary_core::{
    channel::Channel, dictionary::field, json::JsonText, signal::FieldNumber, value::Value,
};

use super::{
    Call,
    draft::{Draft, says_nothing},
    shape::is_talk,
    unread::{Unread, text},
};
use crate::identities::{self, identity, is_id};

impl<'a> Unread<'a> {
    /// Puts the ids of the call into the draft.
    pub(super) fn identify(&self, call: Call, draft: &mut Draft<'a, '_>) {
        let stands_in = draft.own.as_ref().is_some_and(|own| own.stand_in);
        let mut anonymous = None;
        if let Some(json) = self.anonymous_id.filter(|_| !stands_in) {
            anonymous = Unread::id("anonymous_id", ("anonymousId", json), draft);
        }
        if let Some(json) = self.user_id {
            Unread::id("user_id", ("userId", json), draft);
        }
        let Some(json) = self.previous_id else { return };
        // Beside an anonymous id it may be the id of another user, and must not lead astray.
        let is_alone = anonymous.is_none() || anonymous == text(json);
        if call != Call::Alias {
            return draft.keep("", "previousId", json);
        }
        let kind = if is_alone { "anonymous_id" } else { "previous_id" };
        Unread::id(kind, ("previousId", json), draft);
    }

    fn id(
        kind: &str,
        (name, json): (&str, JsonText<'a>),
        draft: &mut Draft<'a, '_>,
    ) -> Option<Cow<'a, str>> {
        if says_nothing(json) {
            return None;
        }
        let id = text(json).filter(|id| is_id(id));
        if let Some(id) = &id {
            draft.identify(kind, id);
        } else {
            draft.warn("unusable_identity");
            draft.keep("", name, json);
        }
        id
    }

    /// Where it took place: as the sender says; of an application by what its library says. A call
    /// or message that a page tells of took place on the page.
    pub(super) fn channel(
        &self,
        call: Call,
        natural: &str,
        draft: &mut Draft<'a, '_>,
    ) -> Option<Channel> {
        if let Some(json) = self.channel {
            let said = match text(json).as_deref() {
                Some("browser") => Some(Channel::Web),
                Some("mobile") => Some(Channel::App),
                Some(word) => Channel::from_word(word),
                None => None,
            };
            match said {
                Some(channel) => return Some(channel),
                None => draft.keep_whole("channel", json),
            }
        }
        if draft.own.is_some() || matches!(call, Call::Page | Call::Screen) {
            return None;
        }
        let has_page = draft.fields.contains_key(&field::PAGE_URL);
        if draft.is_mobile && !has_page {
            return Some(Channel::App);
        }
        let is_page = has_page || self.anonymous_id.is_some();
        (is_page && is_talk(natural)).then_some(Channel::Web)
    }
}

/// Mail address and number of the person, as identities.
pub(super) fn contacts(draft: &mut Draft<'_, '_>) {
    let said: [(&str, FieldNumber); 2] =
        [("email", field::USER_EMAIL), ("phone", field::USER_PHONE)];
    for (kind, number) in said {
        let value = draft.fields.get(&number).and_then(Value::as_text);
        if let Some(value) = value.filter(|value| is_id(value)) {
            let found = identity(kind, value, draft.context.country);
            identities::add(&mut draft.identities, found);
        }
    }
}
