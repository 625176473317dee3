//! The recipe: which requests, when, and what is learnt from their answers.
use http::{HeaderName, Method};
use serde::Deserialize;
use serde_json::Value;

use crate::template::Template;

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
    use serde_json::json;

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
