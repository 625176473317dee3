//! From a call to the signal that it is.
use sessionary_core::{
    channel::Channel,
    dictionary::field,
    json::JsonText,
    signal::{ClaimBody, Signal},
    word::Word,
};

use super::{
    Call, Posting, SOURCE,
    draft::Draft,
    events::is_said,
    places::Group,
    shape::Shape,
    unread::{Fault, Unread, instant_of, text},
    visitor::contacts,
};
use crate::{Context, attribution_from_url, canonical::ItemError, default_currency, identities};

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
            let own = draft.own.as_ref().and_then(|own| own.kind.as_deref());
            let kind = own.unwrap_or(natural);
            let needs_no_words = text(json).is_some_and(|event| is_said(&event, natural, kind));
            if call != Call::Track || !needs_no_words {
                draft.keep("", "event", json);
            }
        }
        let Some(json) = self.name.filter(|_| call != Call::Screen) else { return };
        if call == Call::Page && !draft.fields.contains_key(&field::PAGE_TITLE) {
            draft.field(field::PAGE_TITLE, ("", "name"), json);
        }
        draft.keep("", "name", json);
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
