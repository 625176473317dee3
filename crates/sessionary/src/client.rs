//! A client of a running server: requests with a key, answers as JSON, refusals in words.
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

pub(crate) use reqwest::blocking::Response;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// So often a request is sent again that the server could not take yet.
const ATTEMPTS: u32 = 60;
/// The longest wait that a server can ask for.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// A method of HTTP.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// A server and the key to it.
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    url: String,
    key: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    text: String,
    /// The same as JSON; null where it is none.
    pub(crate) json: Value,
    /// The seconds that the server asks to wait.
    retry_after: Option<u64>,
}

impl Client {
    /// A client of the server at `url`.
    pub(crate) fn new(url: &str, key: Option<&str>) -> anyhow::Result<Client> {
        if !url.starts_with("http://") {
            bail!(
                "{url} cannot be reached from here; give an address such as http://127.0.0.1:8080"
            );
        }
        let http = reqwest::blocking::Client::builder().timeout(PATIENCE).build()?;
        Ok(Client {
            http,
            url: url.trim_end_matches('/').to_owned(),
            key: key.filter(|key| !key.is_empty()).map(str::to_owned),
        })
    }

    /// One request, one answer, whatever it says.
    fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Reply, reqwest::Error> {
        let mut request = self.request(method, path);
        if let Some((media, packed)) = body {
            request = request.header("content-type", media).body(packed.to_vec());
            if packed.starts_with(&[0x1f, 0x8b]) {
                request = request.header("content-encoding", "gzip");
            }
        }
        let response = request.send()?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let text = response.text()?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Reply { status, text, json, retry_after })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::blocking::RequestBuilder {
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// A request that is sent again while the server is busy or away: only for what may be repeated.
    pub(crate) fn patiently(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> anyhow::Result<Reply> {
        let mut attempt = 1;
        loop {
            let wait = match self.once(method, path, body) {
                Ok(reply) if matches!(reply.status, 429 | 503) && attempt < ATTEMPTS => {
                    Duration::from_secs(reply.retry_after.unwrap_or(1))
                }
                Ok(reply) => return Ok(reply),
                Err(_) if attempt < ATTEMPTS => Duration::from_secs(1),
                Err(error) => {
                    return Err(error).with_context(|| self.is_silent());
                }
            };
            attempt += 1;
            std::thread::sleep(wait.min(WAIT_MAX));
        }
    }

    /// A request with a JSON body, answered with success or not at all.
    pub(crate) fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let body = body.map(Value::to_string);
        let body = body.as_ref().map(|body| ("application/json", body.as_bytes()));
        Ok(self.granted(method, path, body)?.json)
    }

    /// What stands at `path`, as text.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.granted(Method::Get, path, None)?.text)
    }

    fn granted(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> anyhow::Result<Reply> {
        let reply = self.once(method, path, body).with_context(|| self.is_silent())?;
        if (200..300).contains(&reply.status) { Ok(reply) } else { bail!(reply.refusal()) }
    }

    /// A question with a JSON body, answered in a media type as it comes.
    pub(crate) fn ask(&self, path: &str, body: &Value, media: &str) -> anyhow::Result<Response> {
        let request = self.request(Method::Post, path).timeout(Duration::from_hours(24));
        let request = request.header("content-type", "application/json").header("accept", media);
        let response = request.body(body.to_string()).send().with_context(|| self.is_silent())?;
        granted(response)
    }

    fn is_silent(&self) -> String {
        format!("{} does not answer; is the server running?", self.url)
    }

    /// An answer that never ends, to be read as it comes.
    pub(crate) fn stream(&self, path: &str) -> anyhow::Result<Response> {
        let request = self.request(Method::Get, path).timeout(Duration::from_hours(24));
        granted(request.send().with_context(|| self.is_silent())?)
    }
}

/// A response that is a success, or what the server says against it.
fn granted(response: Response) -> anyhow::Result<Response> {
    let status = response.status().as_u16();
    if status == 200 {
        return Ok(response);
    }
    let text = response.text()?;
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    bail!(Reply { status, text, json, retry_after: None }.refusal())
}

impl Reply {
    /// What the server says against it, in one sentence.
    pub(crate) fn refusal(&self) -> String {
        let text = |name: &str| self.json.get(name).and_then(Value::as_str);
        let said = text("detail").or_else(|| text("title")).unwrap_or("no reason given");
        let code = text("code").map(|code| format!(" {code}")).unwrap_or_default();
        let hint = match self.status {
            401 => "; give a secret key with --key or in SESSIONARY_KEY",
            _ => "",
        };
        format!("the server answered {}{code}: {said}{hint}", self.status)
    }
}

/// Text as one segment of a path.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_one_segment() {
        assert_eq!(escaped("bank-calls"), "bank-calls");
        assert_eq!(escaped("a/b é"), "a%2Fb%20%C3%A9");
    }
}
