//! Turns the list of crawlers into lines: the tags of a pattern (divided by spaces), the character
//! "unit separator", and the pattern. User agents that the list gives as examples are lines of a
//! text of their own, for a test.
use serde::Deserialize;

use crate::fetched::Package;

/// Where the list comes from.
pub(crate) const PACKAGE: Package = Package {
    what: "list of crawlers",
    variable: "SESSIONARY_CRAWLERS",
    requirement: "crawler-user-agents==1.67.0 \
        --hash=sha256:438880782e9689d953f850846bb7a425dd444de02be2b7c3e1bf2dd636b65d8c\n",
    file: "crawleruseragents/crawler-user-agents.json",
    digest: "9ba93f0a7bae60de20e185c52f76db78699a0aad2f1a65103abbbf5b10e93e89",
    kept: "crawlers",
};

/// A crawler, of what the list says of it.
#[derive(Deserialize)]
struct Crawler {
    pattern: String,
    #[serde(default)]
    tags: Vec<String>,
    /// User agents in which the pattern is found.
    #[serde(default)]
    instances: Vec<String>,
}

/// The patterns, and the examples.
pub(crate) fn rules(text: &str) -> Result<Vec<String>, String> {
    let list: Vec<Crawler> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if list.is_empty() {
        return Err("the list is empty".to_owned());
    }
    let (mut patterns, mut examples) = (String::new(), String::new());
    for Crawler { pattern, tags, instances } in &list {
        // `\/` is how JavaScript writes `/`.
        patterns += &[&tags.join(" "), "\u{1f}", &pattern.replace("\\/", "/"), "\n"].concat();
        examples.extend(instances.iter().flat_map(|agent| [agent, "\n"]));
    }
    Ok(vec![patterns, examples])
}
