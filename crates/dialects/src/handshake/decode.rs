//! From a posting to the signal that it is.
use sessionary_core::{
    channel::{Channel, SessionType},
    dictionary::{Field, Required, WrongValue, field},
    disposition::{Author, ClaimPolicy},
    identity::Identity,
    signal::{ClaimBody, Signal, kind},
    time::{Instant, Millis},
    value::Value,
};

use super::{
    Form, Posting, Refusal,
    read::{Entry, Level, Target},
    required,
    sheet::Sheet,
    signal_types::identity_type,
};
use crate::{
    Context,
    attribution_from_url::attribution_from_url,
    default_currency,
    identities::{self, identity, identity_within, is_id},
};

/// What a posting is decoded with: settings of the API key, and of the action key if one came.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostingContext<'a> {
    /// Settings of the API key, those of the action key over them.
    pub key: Context<'a>,
    /// Whether every field that is printed as required must be there.
    pub strict: bool,
    /// Channel of the action key; a disposition itself has none (D26).
    pub channel: Option<Channel>,
    /// Action type of the action key.
    pub session_type: Option<SessionType>,
    /// Which of several claims holds.
    pub policy: ClaimPolicy,
    /// Type and value of the program signal of the action key.
    pub program: Option<(u64, &'a str)>,
}

/// A disposition that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The signal.
    pub signal: Signal,
    /// The form of the reply.
    pub form: Form,
}

impl Posting<'_> {
    /// Makes the signal.
    ///
    /// # Errors
    /// No outcome, nothing to find the session by, or, from a strict key, a missing field.
    pub fn decode(self, context: &PostingContext<'_>) -> Result<Decoded, Refusal> {
        let mut sheet = Sheet::new(self.attributes, self.warnings);
        let mut devices = Vec::new();
        for entry in &self.entries {
            enter(&mut sheet, &mut devices, entry)?;
        }
        derive_attribution(&mut sheet);
        if let Some((number, text)) = context.program {
            sheet.enter(Level::ActionKey, field::PROGRAM_SIGNAL_TYPE, Value::Number(number));
            sheet.enter(Level::ActionKey, field::PROGRAM_SIGNAL_VALUE, Value::Text(text.into()));
        }
        required::check(&mut sheet, context)?;
        even_out_items(&mut sheet);
        Ok(Decoded { signal: signal(sheet, devices, context)?, form: self.form })
    }
}

impl Posting<'_> {
    /// Makes the signal of a visit: what an Intelligent Page's pixel sends. With a disposition code
    /// it is an outcome, as [`Posting::decode`] makes it.
    ///
    /// # Errors
    /// As [`Posting::decode`], for an outcome.
    pub fn decode_visit(self, context: &PostingContext<'_>) -> Result<Signal, Refusal> {
        let states_outcome = self.entries.iter().any(|entry| {
            matches!(entry.target, Target::Field(row) if row.number() == field::DISPOSITION_CODE)
        });
        if states_outcome {
            return self.decode(context).map(|decoded| decoded.signal);
        }
        let mut sheet = Sheet::new(self.attributes, self.warnings);
        let mut devices = Vec::new();
        for entry in &self.entries {
            enter(&mut sheet, &mut devices, entry)?;
        }
        derive_attribution(&mut sheet);
        let session = session(&mut sheet)?;
        let identities = identities(&mut sheet, devices, context);
        let session_type = session_type(&mut sheet, context);
        // The URL of the form is the page that is being shown.
        for (landing, page) in
            [(field::LANDING_URL, field::PAGE_URL), (field::LANDING_TITLE, field::PAGE_TITLE)]
        {
            if let Some(value) = sheet.take(landing) {
                sheet.enter(Level::ShortParameter, page, value);
            }
        }
        let (fields, attributes, warnings) = sheet.into_parts();
        let mut signal = Signal {
            key: "".into(),
            kind: kind::PAGE_VIEWED.into(),
            occurred_at: None,
            sent_at: None,
            sequence: 0,
            channel: context
                .channel
                .or_else(|| session_type.and_then(SessionType::channel))
                .or(Some(Channel::Web)),
            session_type,
            source: context.key.source.into(),
            session,
            identities,
            claim: None,
            fields,
            attributes,
            warnings,
        };
        signal.key = signal.derived_key();
        Ok(signal)
    }
}

fn enter(sheet: &mut Sheet, devices: &mut Vec<Identity>, entry: &Entry<'_>) -> Result<(), Refusal> {
    match entry.target {
        // The reply's own fields say nothing on a request (D22).
        Target::Field(row) if is_of_reply(row) => {}
        Target::Field(row) => match Value::parse(row, &entry.spelt, entry.sent.given()) {
            Ok(Some(value)) => sheet.enter(entry.level, row.number(), value),
            Ok(None) => {}
            Err(wrong) => unreadable(sheet, row, entry, wrong)?,
        },
        Target::Unregistered(number) => {
            if let Some(text) = entry.sent.text() {
                sheet.enter(entry.level, number, Value::Text(text.into()));
            }
        }
        Target::Device(kind) => {
            if let Some(text) = entry.sent.text() {
                devices.push(identity(kind, &text, None));
            }
        }
    }
    Ok(())
}

fn is_of_reply(row: &Field) -> bool {
    [field::API_RESULT_CODE, field::API_RESULT_MESSAGE].contains(&row.number())
}

/// Without an outcome there is nothing to record; anything else that cannot be read is kept as it
/// was sent, for it would be wrong to lose a sale over its shipping costs.
fn unreadable(
    sheet: &mut Sheet,
    row: &Field,
    entry: &Entry<'_>,
    wrong: WrongValue,
) -> Result<(), Refusal> {
    if row.required == Required::Hard {
        let WrongValue { field, got, .. } = wrong;
        return Err(Refusal::WrongValue { field, got, send: A_CODE });
    }
    sheet.warn(format!("unreadable_{}", row.name));
    sheet.attributes.insert(format!("unreadable.{}", row.name).into(), entry.sent.raw());
    Ok(())
}

/// What the URL of the first page says, where nothing more explicit does.
fn derive_attribution(sheet: &mut Sheet) {
    let found = sheet.text(field::LANDING_URL).map(attribution_from_url).unwrap_or_default();
    let has_click = sheet.get(field::CLICK_ID).is_some();
    for (number, value) in found {
        if !(has_click && number == field::CLICK_NETWORK) {
            sheet.enter(Level::DerivedFromUrl, number, value);
        }
    }
}

/// The SKUs say how many items there are; shorter lists are padded, longer ones kept (D16).
fn even_out_items(sheet: &mut Sheet) {
    let items = field::ITEMS_SKU..=field::ITEMS_TOTAL;
    let count = sheet.lists().find(|(number, _)| *number == field::ITEMS_SKU);
    let count = count.map_or(0, |(_, skus)| skus.len());
    let mut is_ragged = false;
    for (_, list) in sheet.lists().filter(|(number, _)| items.contains(number)) {
        is_ragged |= list.len() != count;
        if list.len() < count {
            list.resize(count, "".into());
        }
    }
    if is_ragged {
        sheet.warn("ragged_items");
    }
}

fn signal(
    mut sheet: Sheet,
    devices: Vec<Identity>,
    context: &PostingContext<'_>,
) -> Result<Signal, Refusal> {
    let claim = claim(&mut sheet, context)?;
    let session = session(&mut sheet)?;
    let identities = identities(&mut sheet, devices, context);
    let key = sheet.text(field::API_TRACKING_ID).filter(|id| is_id(id)).map(Box::from);
    if key.is_none() && sheet.get(field::API_TRACKING_ID).is_some() {
        sheet.warn("unusable_api_trackingid");
    }
    let platform = sheet.text(field::INTEGRATION_PLATFORM_ID).filter(|id| is_id(id));
    let source = platform.unwrap_or(context.key.source).into();
    let session_type = session_type(&mut sheet, context);
    let occurred_at = outcome_at(&sheet);
    let (mut fields, attributes, warnings) = sheet.into_parts();
    default_currency(&mut fields, context.key.currency);
    let mut signal = Signal {
        key: key.unwrap_or_default(),
        kind: kind::DISPOSITION_POSTED.into(),
        occurred_at,
        sent_at: None,
        sequence: 0,
        channel: context.channel.or_else(|| session_type.and_then(SessionType::channel)),
        session_type,
        source,
        session,
        identities,
        claim: Some(claim),
        fields,
        attributes,
        warnings,
    };
    if signal.key.is_empty() {
        signal.key = signal.derived_key();
    }
    Ok(signal)
}

const A_CODE: &str = "1 to 14, or the number of a registered code";

/// Any unsigned number is a code (D6).
fn claim(sheet: &mut Sheet, context: &PostingContext<'_>) -> Result<ClaimBody, Refusal> {
    let Some(Value::Number(number)) = sheet.take(field::DISPOSITION_CODE) else {
        return Err(Refusal::NoCode);
    };
    let code = u32::try_from(number).map_err(|_| Refusal::WrongValue {
        field: "session_disposition_code".to_owned(),
        got: number.to_string(),
        send: A_CODE,
    })?;
    Ok(ClaimBody { code, author: Author::Business, policy: context.policy })
}

fn session(sheet: &mut Sheet) -> Result<Option<Box<str>>, Refusal> {
    match sheet.take(field::SESSION_ID) {
        Some(Value::Text(id)) if is_id(&id) => Ok(Some(id)),
        Some(Value::Text(id)) => Err(Refusal::WrongValue {
            field: "session_id".to_owned(),
            got: format!("{:?}", id.chars().take(64).collect::<String>()),
            send: "1 to 255 visible characters",
        }),
        _ => Ok(None),
    }
}

/// The sender's own word, else that of the action key; `Disposition` says nothing (D26).
fn session_type(sheet: &mut Sheet, context: &PostingContext<'_>) -> Option<SessionType> {
    let said = sheet.text(field::SESSION_TYPE).and_then(SessionType::from_word);
    if said.is_some() {
        sheet.take(field::SESSION_TYPE);
    }
    said.or(context.session_type).filter(|kind| *kind != SessionType::Disposition)
}

/// The pair of the user signal first, for it is the principal one (D18).
fn identities(
    sheet: &mut Sheet,
    devices: Vec<Identity>,
    context: &PostingContext<'_>,
) -> Vec<Identity> {
    let country = context.key.country;
    let platform = sheet.text(field::INTEGRATION_PLATFORM_ID);
    let pair = sheet.number(field::USER_SIGNAL_TYPE).zip(sheet.text(field::USER_SIGNAL_VALUE));
    let user = pair.map(|(number, value)| match &*identity_type(number) {
        kind @ "customer_id" => identity_within(kind, platform, value),
        kind => identity(kind, value, country),
    });
    let of = |kind, number| sheet.text(number).map(|value| identity(kind, value, country));
    let upstream = sheet
        .text(field::INTEGRATION_USER_ID)
        .map(|value| identity_within("integration_user_id", platform, value));
    let named = [user, of("phone", field::USER_PHONE), of("email", field::USER_EMAIL), upstream];
    let mut list = Vec::new();
    let mut is_unusable = false;
    for identity in named.into_iter().flatten().chain(devices) {
        if is_id(&identity.value) {
            identities::add(&mut list, identity);
        } else {
            is_unusable = true;
        }
    }
    if is_unusable {
        sheet.warn("unusable_identity");
    }
    list
}

/// The outcome is known when the session ends: at its start and its length (D19).
fn outcome_at(sheet: &Sheet) -> Option<Instant> {
    let Some(Value::Instant(start)) = sheet.get(field::SESSION_START) else { return None };
    let length = i64::try_from(sheet.number(field::SESSION_DURATION)?).ok()?;
    Some(Instant::at(start.at.plus(Millis(length))))
}
