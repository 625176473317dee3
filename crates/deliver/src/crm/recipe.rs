//! The recipe: which requests, when, and what is learnt from their answers.
use std::collections::BTreeMap;

use http::{HeaderName, Method};
use serde::Deserialize;
use serde_json::Value;

use crate::{settings::SettingsError, template::Template};

/// Requests of one recipe.
const STEPS_MAX: usize = 32;

/// A recipe that holds.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Where OAuth tokens are had, below the URL.
    pub(super) token_path: Option<String>,
    /// Names and what they are, in the order in which they are worked out.
    pub(super) values: Vec<(String, Template)>,
    pub(super) steps: Vec<Step>,
    /// What the receipt notes.
    pub(super) note: Option<Template>,
}

/// One request.
#[derive(Debug)]
pub(super) struct Step {
    /// For the person who reads that it failed.
    pub(super) name: String,
    pub(super) when: Vec<When>,
    pub(super) method: Method,
    pub(super) path: Template,
    pub(super) query: Vec<(String, Template)>,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) body: Body,
    /// Statuses besides 2xx that are an answer too, from which nothing is learnt.
    pub(super) accept: Vec<u16>,
    pub(super) extract: Vec<(String, Extract)>,
}

/// What must hold for a step to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    /// The name has a value.
    Given(String),
    /// The name has none.
    Missing(String),
    /// One of the names has a value.
    AnyGiven(Vec<String>),
    /// No later revision is under way.
    Latest,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Body {
    None,
    /// Each text in it is a template; a member that comes out empty is left out.
    Json(Json),
    Form(Vec<(String, Template)>),
    /// The record as it is.
    File,
    /// Named parts; the record is the one without a value.
    Multipart(Vec<(String, Option<Template>)>),
}

/// JSON whose texts are templates.
#[derive(Debug)]
pub(super) enum Json {
    Plain(Value),
    Text(Template),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Where in an answer a value is.
#[derive(Debug)]
pub(super) enum Extract {
    /// At a JSON pointer.
    At(String),
    /// In the first item of a list in which a text contains another.
    Item { list: String, at: String, contains: Template, take: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// For people.
    #[serde(default)]
    #[expect(dead_code, reason = "a recipe may say what it is for")]
    about: Value,
    token_path: Option<String>,
    #[serde(default)]
    values: BTreeMap<String, String>,
    steps: Vec<WrittenStep>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    name: String,
    #[serde(default)]
    when: Vec<When>,
    method: String,
    path: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    form: Option<BTreeMap<String, String>>,
    #[serde(default)]
    file: bool,
    multipart: Option<Vec<WrittenPart>>,
    #[serde(default)]
    accept: Vec<u16>,
    #[serde(default)]
    extract: BTreeMap<String, WrittenExtract>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPart {
    name: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum WrittenExtract {
    At(String),
    Item { list: String, at: String, contains: String, take: String },
}

impl Recipe {
    /// Reads a recipe, with some of its values replaced.
    pub(super) fn read(
        written: Value,
        instead: &BTreeMap<String, String>,
    ) -> Result<Recipe, SettingsError> {
        let at = "/options/recipe";
        let Written { about: _, token_path, mut values, steps, note } =
            serde_json::from_value(written)
                .map_err(|error| SettingsError::new(at, error.to_string()))?;
        for (name, text) in instead {
            let pointer = format!("/options/values/{name}");
            let Some(value) = values.get_mut(name) else {
                let known: Vec<&str> = values.keys().map(String::as_str).collect();
                let why = format!("the recipe has no such value; it has {}", known.join(", "));
                return Err(SettingsError::new(&pointer, why));
            };
            value.clone_from(text);
        }
        if steps.is_empty() || steps.len() > STEPS_MAX {
            let why = format!("{} steps; write 1 to {STEPS_MAX}", steps.len());
            return Err(SettingsError::new(&format!("{at}/steps"), why));
        }
        if token_path.as_deref().is_some_and(|path| !path.starts_with('/')) {
            return Err(SettingsError::new(&format!("{at}/token_path"), "a path begins with `/`"));
        }
        let mut known: Vec<String> = values.keys().cloned().collect();
        known.extend(steps.iter().flat_map(|step| step.extract.keys().cloned()));
        let reader = Reader { known: &known };
        let mut read_values = Vec::new();
        for (name, text) in &values {
            let template = Template::parse(text).map_err(|error| {
                SettingsError::new(&format!("{at}/values/{name}"), error.to_string())
            })?;
            read_values.push((name.clone(), template));
        }
        let mut read_steps = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            read_steps.push(reader.step(&format!("{at}/steps/{number}"), step)?);
        }
        let note = note.map(|note| reader.template(&format!("{at}/note"), &note)).transpose()?;
        Ok(Recipe { token_path, values: read_values, steps: read_steps, note })
    }
}

/// Reads steps whose templates may use these names.
struct Reader<'a> {
    known: &'a [String],
}

impl Reader<'_> {
    fn template(&self, pointer: &str, text: &str) -> Result<Template, SettingsError> {
        Template::parse_with(text, self.known)
            .map_err(|error| SettingsError::new(pointer, error.to_string()))
    }

    fn templates(
        &self,
        pointer: &str,
        texts: BTreeMap<String, String>,
    ) -> Result<Vec<(String, Template)>, SettingsError> {
        let read = texts.into_iter().map(|(name, text)| {
            let template = self.template(&format!("{pointer}/{name}"), &text)?;
            Ok((name, template))
        });
        read.collect()
    }

    fn step(&self, pointer: &str, step: WrittenStep) -> Result<Step, SettingsError> {
        let wrong =
            |place: &str, why: String| Err(SettingsError::new(&format!("{pointer}/{place}"), why));
        if !step.path.starts_with('/') || step.path.contains(['?', '#']) {
            return wrong(
                "path",
                format!("{:?}: begin with `/`, and put queries in `query`", step.path),
            );
        }
        let Ok(method) = step.method.parse::<Method>() else {
            return wrong("method", format!("{:?} is no method", step.method));
        };
        for name in step.when.iter().flat_map(When::names) {
            if !self.known.contains(name) && !crate::values::is_known(name) {
                return wrong("when", format!("{name:?} is no value of the recipe or the parcel"));
            }
        }
        let mut headers = Vec::new();
        for (name, template) in self.templates(&format!("{pointer}/headers"), step.headers)? {
            let Ok(name) = name.parse::<HeaderName>() else {
                return wrong("headers", format!("{name:?} is no header"));
            };
            headers.push((name, template));
        }
        let mut extract = Vec::new();
        for (name, written) in step.extract {
            let pointer = format!("{pointer}/extract/{name}");
            extract.push((name, self.extract(&pointer, written)?));
        }
        Ok(Step {
            body: self.body(pointer, step.json, step.form, step.file, step.multipart)?,
            path: self.template(&format!("{pointer}/path"), &step.path)?,
            query: self.templates(&format!("{pointer}/query"), step.query)?,
            name: step.name,
            when: step.when,
            method,
            headers,
            accept: step.accept,
            extract,
        })
    }

    fn body(
        &self,
        pointer: &str,
        json: Option<Value>,
        form: Option<BTreeMap<String, String>>,
        file: bool,
        multipart: Option<Vec<WrittenPart>>,
    ) -> Result<Body, SettingsError> {
        Ok(match (json, form, file, multipart) {
            (None, None, false, None) => Body::None,
            (Some(json), None, false, None) => {
                Body::Json(self.json(&format!("{pointer}/json"), json)?)
            }
            (None, Some(form), false, None) => {
                Body::Form(self.templates(&format!("{pointer}/form"), form)?)
            }
            (None, None, true, None) => Body::File,
            (None, None, false, Some(parts)) => {
                let read = parts.into_iter().map(|part| {
                    let value = part.value.as_deref();
                    let value =
                        value.map(|text| self.template(&format!("{pointer}/multipart"), text));
                    Ok((part.name, value.transpose()?))
                });
                Body::Multipart(read.collect::<Result<_, _>>()?)
            }
            _ => {
                let why = "one of `json`, `form`, `file` and `multipart` is the body";
                return Err(SettingsError::new(pointer, why));
            }
        })
    }

    fn json(&self, pointer: &str, value: Value) -> Result<Json, SettingsError> {
        Ok(match value {
            Value::String(text) => Json::Text(self.template(pointer, &text)?),
            Value::Array(items) => {
                let read = items.into_iter().map(|item| self.json(pointer, item));
                Json::List(read.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let read = members.into_iter().map(|(name, value)| {
                    let value = self.json(&format!("{pointer}/{name}"), value)?;
                    Ok((name, value))
                });
                Json::Object(read.collect::<Result<_, _>>()?)
            }
            plain => Json::Plain(plain),
        })
    }

    fn extract(&self, pointer: &str, written: WrittenExtract) -> Result<Extract, SettingsError> {
        Ok(match written {
            WrittenExtract::At(at) => Extract::At(at),
            WrittenExtract::Item { list, at, contains, take } => {
                let contains = self.template(&format!("{pointer}/contains"), &contains)?;
                Extract::Item { list, at, contains, take }
            }
        })
    }
}

impl When {
    fn names(&self) -> &[String] {
        match self {
            When::Given(name) | When::Missing(name) => std::slice::from_ref(name),
            When::AnyGiven(names) => names,
            When::Latest => &[],
        }
    }
}

impl Extract {
    /// The value, if the answer has it and it is not empty.
    pub(super) fn find(
        &self,
        answer: &Value,
        fill: impl Fn(&Template) -> String,
    ) -> Option<String> {
        let found = match self {
            Extract::At(at) => answer.pointer(at)?,
            Extract::Item { list, at, contains, take } => {
                let wanted = fill(contains);
                let holds = |item: &&Value| {
                    let text = item.pointer(at).and_then(Value::as_str);
                    text.is_some_and(|text| text.contains(&wanted))
                };
                answer.pointer(list)?.as_array()?.iter().find(holds)?.pointer(take)?
            }
        };
        let text = crate::values::text(found)?.into_owned();
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(recipe: Value, expected: &Expect) {
        let read = Recipe::read(recipe, &BTreeMap::new());
        let told = read.map(|recipe| format!("{} steps", recipe.steps.len()));
        expected.assert_eq(&told.unwrap_or_else(|error| error.to_string()));
    }

    #[test]
    fn what_is_wrong_with_a_recipe_is_said_with_its_place() {
        let step = json!({"name": "a", "method": "GET", "path": "/a"});
        check(json!({"steps": [step]}), &expect!["1 steps"]);
        check(json!({"steps": []}), &expect!["`/options/recipe/steps`: 0 steps; write 1 to 32"]);
        check(
            json!({"steps": [{"name": "a", "method": "GET", "path": "https://b/"}]}),
            &expect![[
                r#"`/options/recipe/steps/0/path`: "https://b/": begin with `/`, and put queries in `query`"#
            ]],
        );
        check(
            json!({"steps": [{"name": "a", "method": "GET", "path": "/{contact}"}]}),
            &expect![
                "`/options/recipe/steps/0/path`: `{contact}` is no name; a path of the record has dots, such as `record.channel`; known are id, event, tenant, session_id, revision, attempt, hops, at, now, date, format, file_name, summary, body"
            ],
        );
        check(
            json!({"steps": [{"name": "a", "method": "GET", "path": "/a", "when": [{"given": "b"}]}]}),
            &expect![[
                r#"`/options/recipe/steps/0/when`: "b" is no value of the recipe or the parcel"#
            ]],
        );
        check(
            json!({"steps": [{"name": "a", "method": "PUT", "path": "/a", "file": true, "json": {}}]}),
            &expect![
                "`/options/recipe/steps/0`: one of `json`, `form`, `file` and `multipart` is the body"
            ],
        );
        check(
            json!({"steps": [step], "host": "b"}),
            &expect![
                "`/options/recipe`: unknown field `host`, expected one of `about`, `token_path`, `values`, `steps`, `note`"
            ],
        );
    }

    #[test]
    fn a_value_is_found_where_the_recipe_says() {
        let answer = json!({"id": 7, "none": null, "rows": [{"t": "x r1 y", "id": "a"}, {"t": "r2", "id": "b"}]});
        let find = |extract: Extract| {
            extract.find(&answer, |_| "r2".to_owned()).unwrap_or_else(|| "-".to_owned())
        };
        let item = |list: &str| Extract::Item {
            list: list.to_owned(),
            at: "/t".to_owned(),
            contains: Template::parse("").unwrap(),
            take: "/id".to_owned(),
        };
        assert_eq!(find(Extract::At("/id".to_owned())), "7");
        assert_eq!(find(Extract::At("/none".to_owned())), "-");
        assert_eq!(find(Extract::At("/rows/9/id".to_owned())), "-");
        assert_eq!(find(item("/rows")), "b");
        assert_eq!(find(item("/id")), "-");
    }
}
