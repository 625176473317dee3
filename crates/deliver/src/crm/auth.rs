//! Who we are to a CRM: a token, a name with a password, or a client that is given tokens.
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use serde::Deserialize;
use sessionary_core::time::{Millis, UnixMillis};
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

use crate::{
    client::ANSWER_BYTES_MAX,
    guard::Guard,
    outcome::{Failure, Outcome},
    secret::Secret,
    settings::SettingsError,
    target,
};

/// How long a token is used whose end nobody told.
const UNTOLD: Millis = Millis::from_mins(15);
/// So long before its end a token is no longer used.
const MARGIN: Millis = Millis::from_secs(60);

/// How requests say who we are. Never shown.
pub(super) enum Auth {
    None,
    Header(HeaderValue),
    Client(Box<ClientCredentials>),
}

/// OAuth 2.0 client credentials, and the token that they were good for.
pub(super) struct ClientCredentials {
    url: Url,
    form: String,
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    until: UnixMillis,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Token {
        token: String,
    },
    Basic {
        username: String,
        password: String,
    },
    Client {
        client_id: String,
        client_secret: String,
        /// Where tokens are had, if not where the recipe says.
        token_url: Option<String>,
        scope: Option<String>,
    },
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<i64>,
}

const SHAPE: &str =
    r#"send it as JSON: {"token"}, {"username", "password"} or {"client_id", "client_secret"}"#;

impl Auth {
    pub(super) fn read(
        secret: Option<&Secret>,
        url: &Url,
        token_path: Option<&str>,
        guard: &Guard,
    ) -> Result<Auth, SettingsError> {
        let Some(secret) = secret else { return Ok(Auth::None) };
        let wrong = |why: &str| SettingsError::new("/secret", why);
        let written = serde_json::from_str(secret.expose()).map_err(|_| wrong(SHAPE))?;
        let fits = |_| wrong("it has characters that no header can carry");
        Ok(match written {
            Written::Token { token } => {
                Auth::Header(secret_header("Bearer", &token).map_err(fits)?)
            }
            Written::Basic { username, password } => {
                let both = BASE64_STANDARD.encode(format!("{username}:{password}"));
                Auth::Header(secret_header("Basic", &both).map_err(fits)?)
            }
            Written::Client { client_id, client_secret, token_url, scope } => {
                let url = match (token_url, token_path) {
                    (Some(given), _) => target::web_url(&given, guard)
                        .map_err(|error| SettingsError::new("/secret", error.message))?,
                    (None, Some(path)) => {
                        url.join(path).map_err(|error| wrong(&error.to_string()))?
                    }
                    (None, None) => return Err(wrong("name `token_url`; the recipe has none")),
                };
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "client_credentials")
                    .append_pair("client_id", &client_id)
                    .append_pair("client_secret", &client_secret);
                if let Some(scope) = scope {
                    form.append_pair("scope", &scope);
                }
                let form = form.finish();
                Auth::Client(Box::new(ClientCredentials { url, form, token: Mutex::new(None) }))
            }
        })
    }

    /// The header `Authorization`, if there is to be one.
    pub(super) async fn header(
        &self,
        now: UnixMillis,
        guard: &Guard,
    ) -> Result<Option<HeaderValue>, Outcome> {
        match self {
            Auth::None => Ok(None),
            Auth::Header(value) => Ok(Some(value.clone())),
            Auth::Client(client) => client.header(now, guard).await.map(Some),
        }
    }

    /// Forgets a token that was refused. `false` where there is none to forget.
    pub(super) async fn forget(&self) -> bool {
        match self {
            Auth::Client(client) => client.token.lock().await.take().is_some(),
            _ => false,
        }
    }
}

impl ClientCredentials {
    /// One token serves everyone who waits for it.
    async fn header(&self, now: UnixMillis, guard: &Guard) -> Result<HeaderValue, Outcome> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| now < token.until) {
            return Ok(token.header.clone());
        }
        let token = self.ask(now, guard).await?;
        *kept = Some(token.clone());
        Ok(token.header)
    }

    async fn ask(&self, now: UnixMillis, guard: &Guard) -> Result<Token, Outcome> {
        let request = Request::post(self.url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Full::new(Bytes::from(self.form.clone())));
        let request =
            request.map_err(|error| Failure::new("template", error.to_string()).give_up())?;
        let answer = guard.client().exchange(request, ANSWER_BYTES_MAX).await;
        let answer = answer.map_err(Failure::retry)?;
        let status = answer.status.as_u16();
        if !answer.status.is_success() {
            // The body of a refusal may repeat what was sent.
            let why = format!("no token was given: {}", answer.status);
            return Err(Failure::new("credentials", why).with_status(status).retry());
        }
        let useless = || Failure::new("bad_answer", "no token in the answer").retry();
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| useless())?;
        let header = secret_header("Bearer", &granted.access_token).map_err(|_| useless())?;
        let lasts = granted.expires_in.map_or(UNTOLD, Millis::from_secs);
        Ok(Token { header, until: now.plus(lasts).minus(MARGIN) })
    }
}

fn secret_header(
    scheme: &str,
    value: &str,
) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut header = HeaderValue::from_str(&format!("{scheme} {value}"))?;
    header.set_sensitive(true);
    Ok(header)
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Auth::None => "no credentials",
            Auth::Header(_) => "a header",
            Auth::Client(_) => "client credentials",
        })
    }
}
