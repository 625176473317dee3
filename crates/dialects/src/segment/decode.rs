//! From a call to the signal that it is.
use std::borrow::Cow;

use sessionary_core::{
    channel::Channel,
    dictionary::field,
    json::JsonText,
    signal::{ClaimBody, FieldNumber, Signal, kind},
    time::Instant,
    value::Value,
    word::Word,
};

use super::{
    ALIASED, Call, GROUPED, Posting, SOURCE,
    draft::{Draft, says_nothing},
    events::{is_title_of, kind_of, title_of},
    places::Group,
    shape::{Shape, is_talk},
    unread::{Fault, Unread, instant_of, text},
};
use crate::{
    Context, attribution_from_url,
    canonical::ItemError,
    default_currency,
    identities::{self, identity, is_id},
};

impl Posting<'_> {
    /// Makes a signal of each call, in their order; `call` is what calls are that do not say.
    pub fn decode(
        &self,
        call: Option<Call>,
        context: &Context<'_>,
    ) -> Vec<Result<Signal, ItemError>> {
        self.calls.iter().map(|text| self.one(text, call, context)).collect()
    }

    fn one(
        &self,
        text: &str,
        call: Option<Call>,
        context: &Context<'_>,
    ) -> Result<Signal, ItemError> {
        let mut id = None;
        let read = Unread::read(text, &context.limits).and_then(|unread| {
            id = unread.message_id.and_then(JsonText::plain_text).map(Into::into);
            unread.signal(call, self, context)
        });
        read.map_err(|Fault { code, detail, field }| ItemError {
            code,
            detail,
            field: field.map(str::to_owned),
            raw: text.as_bytes().to_vec(),
            id,
        })
    }
}

impl<'a> Unread<'a> {
    fn signal(
        mut self,
        call: Option<Call>,
        posting: &Posting<'a>,
        context: &Context<'_>,
    ) -> Result<Signal, Fault> {
        let call = self.call(call)?;
        let natural = self.natural_kind(call)?;
        let occurred_at = self.occurred_at()?;
        let mut draft = Draft::new(context);
        let claim = self.tell(call, &natural, posting, &mut draft);
        self.name_of_event(call, &natural, &mut draft);
        let is_own = draft.own.is_some();
        if Shape::of(&natural) == Shape::Disposition && claim.is_none() && !is_own {
            let detail =
                "`properties.code` is missing or no code; send 1 to 14 or a registered code";
            return Err(Fault::of("properties.code", "missing_code", detail));
        }
        self.identify(call, &mut draft);
        let channel = self.channel(call, &natural, &mut draft);
        for (name, json) in std::mem::take(&mut self.others) {
            draft.keep_whole(&name, json);
        }
        if let (Some(json), Some(_)) = (self.original_timestamp, self.timestamp)
            && self.timestamp != self.original_timestamp
        {
            draft.keep("", "originalTimestamp", json);
        }
        let sent_at = self.sent_at.or(posting.sent_at).and_then(instant_of);
        let key = self.key(&mut draft);
        let mut signal = finish(draft, natural, claim, channel);
        signal.occurred_at = occurred_at;
        signal.sent_at = sent_at.map(|sent| sent.at);
        signal.key = key.unwrap_or_else(|| signal.derived_key());
        Ok(signal)
    }

    fn call(&self, default: Option<Call>) -> Result<Call, Fault> {
        const SEND: &str = "send track, identify, page, screen, group or alias";
        match self.kind.and_then(text) {
            Some(word) => Call::from_word(&word).ok_or_else(|| {
                let word: String = word.chars().take(64).collect();
                Fault::of("type", "unknown_type", format!("`type` is {word:?}; {SEND}"))
            }),
            None => default.ok_or_else(|| {
                Fault::of("type", "missing_type", format!("`type` is missing; {SEND}"))
            }),
        }
    }

    /// The type that call and event name make.
    fn natural_kind(&self, call: Call) -> Result<Word, Fault> {
        Ok(match call {
            Call::Page => kind::PAGE_VIEWED.into(),
            Call::Screen => kind::SCREEN_VIEWED.into(),
            Call::Identify => kind::IDENTIFIED.into(),
            Call::Group => GROUPED.into(),
            Call::Alias => ALIASED.into(),
            Call::Track => {
                let event = self.event.and_then(text);
                let kind = event.filter(|event| !event.trim().is_empty()).map(|e| kind_of(&e));
                kind.filter(|kind| !kind.trim().is_empty()).ok_or_else(|| {
                    let detail = "`event` is missing; send what happened, such as Order Completed";
                    Fault::of("event", "missing_event", detail)
                })?
            }
        })
    }

    /// Reads what the call tells, the most particular first.
    fn tell(
        &self,
        call: Call,
        natural: &str,
        posting: &Posting<'a>,
        draft: &mut Draft<'a, '_>,
    ) -> Option<ClaimBody> {
        if let (Call::Screen, Some(name)) = (call, self.name) {
            draft.field(field::SCREEN_NAME, ("", "name"), name);
        }
        let claim = self.properties.and_then(|json| draft.properties(Shape::of(natural), json));
        if let Some(traits) = self.traits {
            let group = if call == Call::Group { Group::Grouped } else { Group::Traits };
            draft.group(group, "traits", traits);
        }
        if let Some(context) = self.context {
            draft.group(Group::Context, "context", context);
        }
        if let Some(context) = posting.context {
            let own = draft.attributes.len();
            draft.group(Group::Context, "context", context);
            let of_batch = draft.attributes.split_off(own);
            let is_new =
                |(path, _): &(Box<str>, _)| draft.attributes.iter().all(|it| it.0 != *path);
            let new: Vec<_> = of_batch.into_iter().filter(is_new).collect();
            draft.attributes.extend(new);
        }
        draft.join_parts();
        draft.settle_url();
        claim
    }

    /// The name of the event or page, where the type does not say it already.
    fn name_of_event(&self, call: Call, natural: &str, draft: &mut Draft<'a, '_>) {
        if let Some(json) = self.event {
            let own = draft.own.as_ref().and_then(|own| own.kind.clone());
            let is_said = text(json).is_some_and(|event| {
                is_title_of(&event, natural) || own.is_some_and(|kind| title_of(&kind) == event)
            });
            if call != Call::Track || !is_said {
                draft.keep("", "event", json);
            }
        }
        let Some(json) = self.name.filter(|_| call != Call::Screen) else { return };
        if call == Call::Page && !draft.fields.contains_key(&field::PAGE_TITLE) {
            draft.field(field::PAGE_TITLE, ("", "name"), json);
        }
        draft.keep("", "name", json);
    }

    fn identify(&self, call: Call, draft: &mut Draft<'a, '_>) {
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
    fn channel(&self, call: Call, natural: &str, draft: &mut Draft<'a, '_>) -> Option<Channel> {
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

    fn key(&self, draft: &mut Draft<'a, '_>) -> Option<Box<str>> {
        let json = self.message_id.filter(|json| !says_nothing(*json))?;
        let id = text(json).filter(|id| is_id(id));
        if id.is_none() {
            draft.warn("unusable_message_id");
            draft.keep("", "messageId", json);
        }
        id.map(Into::into)
    }

    fn occurred_at(&self) -> Result<Option<Instant>, Fault> {
        let said = [("timestamp", self.timestamp), ("originalTimestamp", self.original_timestamp)];
        for (name, json) in said {
            let Some(json) = json.filter(|json| !says_nothing(*json)) else {
                continue;
            };
            let Some(at) = instant_of(json) else {
                let got: String = json.get().chars().take(64).collect();
                let detail =
                    format!("`{name}` is {got}; send ISO 8601 such as 2026-01-05T10:00:00Z");
                return Err(Fault::of(name, "unreadable_time", detail));
            };
            return Ok(Some(at));
        }
        Ok(None)
    }
}

fn finish(
    mut draft: Draft<'_, '_>,
    natural: Word,
    claim: Option<ClaimBody>,
    channel: Option<Channel>,
) -> Signal {
    let context = draft.context;
    let own = draft.own.take().unwrap_or_default();
    for (number, value) in own.fields {
        draft.fields.insert(number, value);
    }
    attribution_from_url::fill(&mut draft.fields);
    default_currency(&mut draft.fields, context.currency);
    for identity in own.identities {
        identities::add(&mut draft.identities, identity);
    }
    contacts(&mut draft);
    let source = if context.source.is_empty() { SOURCE } else { context.source };
    draft.attributes.extend(own.attributes);
    Signal {
        key: "".into(),
        kind: own.kind.unwrap_or(natural),
        occurred_at: None,
        sent_at: None,
        sequence: own.sequence,
        channel,
        session_type: own.session_type,
        source: own.source.unwrap_or_else(|| source.into()),
        session: draft.session.map(Into::into),
        identities: draft.identities,
        claim: own.claim.or(claim),
        fields: draft.fields,
        attributes: draft.attributes.into_iter().collect(),
        warnings: draft.warnings,
    }
}

/// Mail address and number of the person, as identities.
fn contacts(draft: &mut Draft<'_, '_>) {
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
