//! The body of a request that makes or changes a definition.
use serde::Deserialize;
use sessionary_core::{
    goal::{
        Condition, Conditions, ContextPattern, DEFINITION_BYTES_MAX, Definition, ExternalSegment,
        GoalKind, Operator, Pattern, Stream, ValueField, ValueType, WrongDefinition,
    },
    time::UnixMillis,
};

/// What a request says of a definition; of what it does not say, nothing changes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wish {
    /// The version that a change is made for.
    pub version: Option<u32>,
    is_active: Option<bool>,
    display_name: Option<Box<str>>,
    description: Option<Box<str>>,
    is_positive: Option<bool>,
    color: Option<Box<str>>,
    should_display_to_agent: Option<bool>,
    assignment_expiration_days: Option<u32>,
    context: Option<Patterns<ContextBody>>,
    journey: Option<Patterns<JourneyBody>>,
    associated_value_field: Option<ValueBody>,
    external_segment: Option<ExternalBody>,
}

#[derive(Debug, Deserialize)]
struct Patterns<T> {
    patterns: Option<Vec<T>>,
}

#[derive(Debug, Deserialize)]
struct ContextBody {
    criteria: Option<Vec<CriterionBody>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JourneyBody {
    criteria: Option<Vec<CriterionBody>>,
    count: Option<u32>,
    stream_type: Option<Stream>,
    session_type: Option<Box<str>>,
    event_name: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CriterionBody {
    key: Option<Box<str>>,
    values: Option<Vec<Box<str>>>,
    should_ignore_case: Option<bool>,
    operator: Option<Operator>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValueBody {
    data_type: Option<ValueType>,
    name: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
struct ExternalBody {
    id: Option<Box<str>>,
    name: Option<Box<str>>,
    source: Option<Box<str>>,
}

fn wrong(pointer: &str, detail: impl Into<String>) -> WrongDefinition {
    WrongDefinition { pointer: pointer.to_owned(), detail: detail.into() }
}

fn some_text(text: Option<Box<str>>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty())
}

impl Wish {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// It is no JSON object, or a member of it is of another type.
    pub fn read(body: &[u8]) -> Result<Wish, WrongDefinition> {
        let is_object = body.trim_ascii_start().first() == Some(&b'{');
        let object = is_object.then_some(body).ok_or_else(|| wrong("", "send a JSON object"))?;
        serde_json::from_slice(object).map_err(|error| wrong("", error.to_string()))
    }

    /// A definition that nobody has made yet.
    ///
    /// # Errors
    /// It has no name, or is beyond a bound.
    pub fn create(
        self,
        kind: GoalKind,
        id: String,
        now: UnixMillis,
    ) -> Result<Definition, WrongDefinition> {
        let blank = Definition {
            id: id.into(),
            kind,
            name: "".into(),
            description: None,
            active: true,
            version: 0,
            conditions_version: 0,
            created_at: now,
            modified_at: now,
            conditions: Conditions::default(),
            positive: true,
            value: None,
            expires_after_days: None,
            color: None,
            shown_to_agents: false,
            external: None,
        };
        let made = self.change(&blank, now)?;
        Ok(Definition { conditions_version: made.version, ..made })
    }

    /// The next version of a definition.
    ///
    /// # Errors
    /// It would be beyond a bound.
    pub fn change(
        self,
        before: &Definition,
        now: UnixMillis,
    ) -> Result<Definition, WrongDefinition> {
        let mut after = before.clone();
        after.version = before.version.saturating_add(1);
        after.modified_at = now;
        if let Some(value) = self.associated_value_field {
            after.value = Some(value.into_field(after.value.take())?);
        }
        if let Some(external) = self.external_segment {
            after.external = Some(external.into_segment(after.external.take())?);
        }
        if let Some(patterns) = self.context.and_then(|context| context.patterns) {
            after.conditions.context =
                patterns.into_iter().map(ContextBody::into_pattern).collect();
        }
        if let Some(patterns) = self.journey.and_then(|journey| journey.patterns) {
            after.conditions.journey =
                patterns.into_iter().map(JourneyBody::into_pattern).collect();
        }
        after.active = self.is_active.unwrap_or(after.active);
        after.name = some_text(self.display_name).unwrap_or(after.name);
        after.description = some_text(self.description).or(after.description);
        after.positive = self.is_positive.unwrap_or(after.positive);
        after.color = some_text(self.color).or(after.color);
        after.shown_to_agents = self.should_display_to_agent.unwrap_or(after.shown_to_agents);
        after.expires_after_days = self.assignment_expiration_days.or(after.expires_after_days);
        if after.conditions != before.conditions {
            after.conditions_version = after.version;
        }
        checked(after)
    }
}

/// The definition, if it is within its bounds.
fn checked(definition: Definition) -> Result<Definition, WrongDefinition> {
    definition.check()?;
    let is_color = |color: &str| {
        let digits = color.strip_prefix('#').unwrap_or_default();
        digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if definition.color.as_deref().is_some_and(|color| !is_color(color)) {
        return Err(wrong("/color", "send # and six hexadecimal digits"));
    }
    let bytes = serde_json::to_vec(&definition).map_or(usize::MAX, |json| json.len());
    if bytes > DEFINITION_BYTES_MAX {
        let detail = format!("it takes {bytes} bytes; send at most {DEFINITION_BYTES_MAX}");
        return Err(wrong("", detail));
    }
    Ok(definition)
}

impl ContextBody {
    fn into_pattern(self) -> ContextPattern {
        ContextPattern { criteria: conditions(self.criteria) }
    }
}

impl JourneyBody {
    fn into_pattern(self) -> Pattern {
        Pattern {
            criteria: conditions(self.criteria),
            count: self.count.unwrap_or(1),
            stream: self.stream_type.unwrap_or(Stream::Custom),
            session_type: self.session_type.unwrap_or_default(),
            event_name: some_text(self.event_name),
        }
    }
}

fn conditions(criteria: Option<Vec<CriterionBody>>) -> Vec<Condition> {
    let condition = |body: CriterionBody| Condition {
        key: body.key.unwrap_or_default(),
        values: body.values.unwrap_or_default(),
        operator: body.operator.unwrap_or(Operator::Equal),
        ignore_case: body.should_ignore_case.unwrap_or(false),
    };
    criteria.unwrap_or_default().into_iter().map(condition).collect()
}

impl ValueBody {
    fn into_field(self, before: Option<ValueField>) -> Result<ValueField, WrongDefinition> {
        let (key, number) =
            before.map_or((None, None), |field| (Some(field.key), Some(field.number)));
        let missing = || wrong("/associatedValueField/name", "send the name of an attribute");
        Ok(ValueField {
            key: some_text(self.name).or(key).ok_or_else(missing)?,
            number: self.data_type.or(number).unwrap_or(ValueType::Number),
        })
    }
}

impl ExternalBody {
    fn into_segment(
        self,
        before: Option<ExternalSegment>,
    ) -> Result<ExternalSegment, WrongDefinition> {
        let (id, name, source) = match before {
            Some(known) => (Some(known.id), Some(known.name), Some(known.source)),
            None => (None, None, None),
        };
        Ok(ExternalSegment {
            id: some_text(self.id)
                .or(id)
                .ok_or_else(|| wrong("/externalSegment/id", "send its id in the other system"))?,
            name: some_text(self.name)
                .or(name)
                .ok_or_else(|| wrong("/externalSegment/name", "send its name"))?,
            source: some_text(self.source).or(source).unwrap_or_else(|| "Custom".into()),
        })
    }
}
