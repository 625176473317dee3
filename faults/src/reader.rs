//! Reading: listings page by page, and single entities.
use std::time::Duration;

use anyhow::Context;
use reqwest::blocking::Client;
use serde_json::Value;

use crate::json::at;

/// Reads from a server with a key.
#[derive(Debug)]
pub struct Reader {
    http: Client,
    url: String,
    key: String,
}

impl Reader {
    /// A reader of a server.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(url: &str, key: &str) -> anyhow::Result<Reader> {
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Reader { http, url: url.to_owned(), key: key.to_owned() })
    }

    /// The status and body of an answer.
    ///
    /// # Errors
    /// No answer came.
    pub fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        let get = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key);
        let answer = get.send().with_context(|| format!("no answer to GET {path}"))?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().with_context(|| format!("the answer to GET {path}"))?))
    }

    /// Hands over every entity of a listing.
    ///
    /// # Errors
    /// A page was not answered with 200.
    pub fn each(&self, path: &str, mut take: impl FnMut(&Value)) -> anyhow::Result<()> {
        let mut cursor = String::new();
        loop {
            let (status, page) = self.get(&format!("{path}?limit=1000&cursor={cursor}"))?;
            anyhow::ensure!(status == 200, "GET {path} was answered {status}: {page}");
            for entity in at(&page, "/entities").as_array().context("a page without entities")? {
                take(entity);
            }
            match at(&page, "/next_cursor").as_str() {
                Some(next) if next != cursor => next.clone_into(&mut cursor),
                Some(_) => anyhow::bail!("the cursor of GET {path} stands still at {cursor:?}"),
                None => return Ok(()),
            }
        }
    }

    /// Every entity of a listing.
    ///
    /// # Errors
    /// As [`Reader::each`].
    pub fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut entities = Vec::new();
        self.each(path, |entity| entities.push(entity.clone()))?;
        Ok(entities)
    }
}
