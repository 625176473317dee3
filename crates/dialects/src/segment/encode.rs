//! A session as the calls that would have made it.
use serde_json::{Map, Value as Json, json};
use sessionary_core::{
    channel::Channel,
    disposition::{ClaimPolicy, name_of},
    signal::{Signal, kind},
    time::UnixMillis,
};

use super::{
    ALIASED, Call, GROUPED,
    events::{is_title_of, kind_of, title_of},
    shape::Shape,
};
use crate::View;

mod attributes;
mod exact;
mod fields;
mod items;
mod people;

/// A session as a batch.
pub fn of_session(view: &View<'_>) -> Json {
    let session = view.session.envelope.id.to_string();
    let call = |(member, arrival): &(sessionary_core::session::Member, _)| {
        let arrival: &sessionary_core::signal::Arrival = arrival;
        let received_at = arrival.received_at;
        encode(&arrival.signal, &Moment { session: &session, at: member.at, received_at })
    };
    let batch: Vec<Json> = view.signals.iter().map(call).collect();
    json!({"batch": batch, "sentAt": view.now.to_string()})
}

/// Where and when a signal took place, as the server sees it.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Our id of its session.
    pub session: &'a str,
    /// When it happened, corrected; told where the signal itself does not say.
    pub at: UnixMillis,
    /// When it came.
    pub received_at: UnixMillis,
}

/// A signal as the call that would have made it. Decoding it gives the same signal, but for what is
/// transport: when it was sent, and the warnings of the decoder that read it.
pub fn encode(signal: &Signal, moment: &Moment<'_>) -> Json {
    let mut letter = Letter::of(signal);
    letter.fields();
    letter.items();
    letter.people(moment);
    letter.claim();
    letter.transport(moment);
    for (path, raw) in &signal.attributes {
        letter.attribute(path, raw);
    }
    letter.close()
}

/// A call that is being written.
struct Letter<'a> {
    signal: &'a Signal,
    call: Call,
    shape: Shape,
    root: Map<String, Json>,
    /// What goes into `context.sessionary`.
    own: Map<String, Json>,
    own_fields: Map<String, Json>,
    own_attributes: Map<String, Json>,
    /// How many items stand in `properties.products`.
    products: usize,
}

impl<'a> Letter<'a> {
    fn of(signal: &'a Signal) -> Letter<'a> {
        let call = match &*signal.kind {
            kind::PAGE_VIEWED => Call::Page,
            kind::SCREEN_VIEWED => Call::Screen,
            kind::IDENTIFIED => Call::Identify,
            GROUPED => Call::Group,
            ALIASED => Call::Alias,
            _ => Call::Track,
        };
        let mut letter = Letter {
            signal,
            call,
            shape: Shape::of(&signal.kind),
            root: Map::new(),
            own: Map::new(),
            own_fields: Map::new(),
            own_attributes: Map::new(),
            products: 0,
        };
        letter.root.insert("type".to_owned(), call.word().into());
        if call == Call::Track {
            letter.event();
        }
        letter
    }

    /// The name of the event: the sender's, else what we call its type.
    fn event(&mut self) {
        let kind = &*self.signal.kind;
        let said = self.sender_name().filter(|name| !is_title_of(name, kind));
        let event = said.unwrap_or_else(|| title_of(kind));
        let natural = kind_of(&event);
        self.shape = Shape::of(&natural);
        if *natural != *kind {
            self.own.insert("type".to_owned(), kind.into());
        }
        self.root.insert("event".to_owned(), event.into());
    }

    fn sender_name(&self) -> Option<String> {
        let name = self.signal.attributes.get("event")?.to_json();
        name.as_str().filter(|name| !kind_of(name).trim().is_empty()).map(str::to_owned)
    }

    /// Puts a value into the object at a dotted path.
    fn put(&mut self, path: &str, name: &str, json: Json) {
        let mut object = &mut self.root;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let inner = object.entry(step).or_insert_with(|| Json::Object(Map::new()));
            match inner {
                Json::Object(inner) => object = inner,
                _ => return,
            }
        }
        object.insert(name.to_owned(), json);
    }

    fn claim(&mut self) {
        let Some(claim) = &self.signal.claim else { return };
        let mut members =
            vec![("code", Json::from(claim.code)), ("author", Json::from(claim.author.word()))];
        if claim.policy == ClaimPolicy::First {
            members.push(("policy", Json::from("first")));
        }
        if self.shape == Shape::Disposition {
            members.push(("name", Json::from(name_of(claim.code))));
            for (name, json) in members {
                self.put("properties", name, json);
            }
        } else {
            let members = members.into_iter().map(|(name, json)| (name.to_owned(), json));
            self.own.insert("disposition".to_owned(), Json::Object(members.collect()));
        }
    }

    /// What a call says beside what it tells.
    fn transport(&mut self, moment: &Moment<'_>) {
        let Signal { key, occurred_at, channel, session, sequence, session_type, source, .. } =
            self.signal;
        self.put("", "messageId", Json::from(&**key));
        let said = occurred_at.as_ref().and_then(|at| at.text.as_deref());
        let at = occurred_at.as_ref().map_or(moment.at, |at| at.at);
        let timestamp = said.map_or_else(|| at.to_string(), str::to_owned);
        self.put("", "timestamp", timestamp.into());
        self.put("", "receivedAt", moment.received_at.to_string().into());
        if let Some(channel) = channel {
            let word = match channel {
                Channel::Web => "browser",
                Channel::App => "mobile",
                other => other.word(),
            };
            self.put("", "channel", word.into());
        }
        if let Some(session) = session {
            self.put("context", "sessionId", Json::from(&**session));
        }
        let own = [
            ("session", Some(Json::from(moment.session))),
            ("source", Some(Json::from(&**source))),
            ("sequence", (*sequence > 0).then(|| Json::from(*sequence))),
            ("session_type", session_type.map(|kind| Json::from(kind.word()))),
        ];
        let own = own.into_iter().filter_map(|(name, json)| Some((name.to_owned(), json?)));
        self.own.extend(own);
    }

    /// The call with what we alone know.
    fn close(mut self) -> Json {
        for (name, members) in [
            ("fields", std::mem::take(&mut self.own_fields)),
            ("attributes", std::mem::take(&mut self.own_attributes)),
        ] {
            if !members.is_empty() {
                self.own.insert(name.to_owned(), Json::Object(members));
            }
        }
        let own = std::mem::take(&mut self.own);
        self.put("context", "sessionary", Json::Object(own));
        Json::Object(self.root)
    }
}
