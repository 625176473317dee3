//! Reading a recipe: JSON that somebody wrote, checked to the last template.
use std::collections::BTreeMap;

use http::{HeaderName, Method};
use serde::Deserialize;
use serde_json::Value;

use super::recipe::{Body, Extract, Json, Recipe, Step, When};
use crate::{settings::SettingsError, template::Template};

/// Requests of one recipe.
const STEPS_MAX: usize = 32;

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

/// One of them, or none.
struct WrittenBody {
    json: Option<Value>,
    form: Option<BTreeMap<String, String>>,
    file: bool,
    multipart: Option<Vec<WrittenPart>>,
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
        let (json, form, file, multipart) = (step.json, step.form, step.file, step.multipart);
        let written = WrittenBody { json, form, file, multipart };
        Ok(Step {
            body: self.body(pointer, written)?,
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

    fn body(&self, pointer: &str, written: WrittenBody) -> Result<Body, SettingsError> {
        Ok(match written {
            WrittenBody { json: None, form: None, file: false, multipart: None } => Body::None,
            WrittenBody { json: Some(json), form: None, file: false, multipart: None } => {
                Body::Json(self.json(&format!("{pointer}/json"), json)?)
            }
            WrittenBody { json: None, form: Some(form), file: false, multipart: None } => {
                Body::Form(self.templates(&format!("{pointer}/form"), form)?)
            }
            WrittenBody { json: None, form: None, file: true, multipart: None } => Body::File,
            WrittenBody { json: None, form: None, file: false, multipart: Some(parts) } => {
                Body::Multipart(self.parts(&format!("{pointer}/multipart"), parts)?)
            }
            _ => {
                let why = "one of `json`, `form`, `file` and `multipart` is the body";
                return Err(SettingsError::new(pointer, why));
            }
        })
    }

    fn parts(
        &self,
        pointer: &str,
        parts: Vec<WrittenPart>,
    ) -> Result<Vec<(String, Option<Template>)>, SettingsError> {
        let read = parts.into_iter().map(|part| {
            let value = part.value.map(|text| self.template(pointer, &text)).transpose()?;
            Ok((part.name, value))
        });
        read.collect()
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
}
