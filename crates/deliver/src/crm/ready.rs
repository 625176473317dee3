//! The recipes that come with the program, as files in `crates/deliver/recipes`.
use serde_json::Value;

/// Name and text.
const READY: &[(&str, &str)] = &[
    ("hubspot", include_str!("../../recipes/hubspot.json")),
    ("salesforce", include_str!("../../recipes/salesforce.json")),
    ("servicenow", include_str!("../../recipes/servicenow.json")),
    ("zendesk", include_str!("../../recipes/zendesk.json")),
];

/// A ready recipe by its name.
pub(super) fn find(name: &str) -> Result<Value, String> {
    let text = READY.iter().find(|(ready, _)| *ready == name).map(|(_, text)| *text);
    let text = text.ok_or_else(|| {
        let names: Vec<&str> = READY.iter().map(|(name, _)| *name).collect();
        format!("{name:?} is no ready recipe; there are {}, or write your own", names.join(", "))
    })?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::recipe::Recipe;
    use std::collections::BTreeMap;

    #[test]
    fn every_ready_recipe_holds() {
        for (name, _) in READY {
            let recipe = Recipe::read(find(name).unwrap(), &BTreeMap::new());
            assert!(recipe.is_ok(), "{name}: {}", recipe.unwrap_err());
        }
        assert!(find("siebel").unwrap_err().contains("hubspot, salesforce"));
    }
}
