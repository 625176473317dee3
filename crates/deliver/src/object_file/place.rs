//! Where objects go: a URL, its credentials, and the store behind it.
use std::sync::Arc;

use object_store::{
    ObjectStore, RetryConfig, StaticCredentialProvider,
    aws::{AmazonS3Builder, AwsCredential, AwsCredentialProvider},
    azure::{AzureCredential, AzureCredentialProvider, MicrosoftAzureBuilder},
    gcp::{GcpCredential, GcpCredentialProvider, GoogleCloudStorageBuilder},
    local::LocalFileSystem,
    path::Path,
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

use super::{Options, http::Guarded};
use crate::{
    guard::{Guard, Scheme},
    secret::Secret,
    settings::SettingsError,
    target,
};

/// A store, and the folder in it.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    prefix: String,
    pub(crate) backend: Backend,
    turns: Vec<Mutex<()>>,
}

/// Writers of one stable name in a folder wait for each other; this many names do not.
const TURNS: usize = 64;

/// How a store is spoken to.
pub(crate) struct Manner {
    pub(crate) http: Guarded,
    pub(crate) retry: RetryConfig,
    pub(crate) without_secret: WithoutSecret,
}

/// Who one is to a store without a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithoutSecret {
    /// Nobody: what the machine knows is none of a destination's business.
    Nobody,
    /// Whom the environment names, or the machine's cloud.
    AsEnvironmentSays,
}

/// What a store can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Replaces by renaming; knows no conditions and no attributes.
    Folder,
    /// Replaces on a condition, and keeps attributes.
    Bucket,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct S3Secret {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum AzureSecret {
    Key { account_key: String },
    Sas { sas: String },
    Application { tenant_id: String, client_id: String, client_secret: String },
}

impl Place {
    pub(super) fn open(
        text: &str,
        options: &Options,
        secret: Option<&Secret>,
        guard: &Guard,
    ) -> Result<Place, SettingsError> {
        let (http, without_secret) = (Guarded::new(guard.client()), WithoutSecret::Nobody);
        let manner = Manner { http, retry: once(), without_secret };
        Place::open_as(text, options, secret, guard, manner)
    }

    /// The same, by another manner.
    pub(crate) fn open_as(
        text: &str,
        options: &Options,
        secret: Option<&Secret>,
        guard: &Guard,
        manner: Manner,
    ) -> Result<Place, SettingsError> {
        let url = Url::parse(text)
            .map_err(|error| SettingsError::new("/url", format!("it is no URL: {error}")))?;
        if let Some(endpoint) = &options.endpoint {
            let schemes = [Scheme::Https, Scheme::Http];
            target::url_of(endpoint, "/options/endpoint", &schemes, guard)?;
        }
        match url.scheme() {
            "file" => Place::folder(&url, options, secret),
            "s3" => Place::s3(&url, options, secret, manner),
            "gs" => Place::google(&url, options, secret, manner),
            "az" | "azure" | "abfs" | "abfss" => Place::azure(&url, options, secret, manner),
            other => Err(SettingsError::new(
                "/url",
                format!("`{other}` is no store; use file, s3, gs, az or abfss"),
            )),
        }
    }

    /// The path of the folder in its store, without slashes around it.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Waits for whoever writes an object of this name.
    pub(super) async fn turn(&self, path: &Path) -> Option<MutexGuard<'_, ()>> {
        let [first, ..] = *blake3::hash(path.as_ref().as_bytes()).as_bytes();
        let turn = self.turns.get(usize::from(first) % TURNS)?;
        Some(turn.lock().await)
    }

    fn new(store: Arc<dyn ObjectStore>, prefix: String, backend: Backend) -> Place {
        let turns = std::iter::repeat_with(Mutex::default).take(TURNS).collect();
        Place { store, prefix, backend, turns }
    }

    fn bucket(store: impl ObjectStore, url: &Url) -> Result<Place, SettingsError> {
        let prefix = url.path().trim_matches('/').to_owned();
        let wrong =
            |error: object_store::path::Error| SettingsError::new("/url", error.to_string());
        Path::parse(&prefix).map_err(wrong)?;
        Ok(Place::new(Arc::new(store), prefix, Backend::Bucket))
    }

    /// From the root of the file system, so that every folder that is made is also synced.
    fn folder(
        url: &Url,
        options: &Options,
        secret: Option<&Secret>,
    ) -> Result<Place, SettingsError> {
        if options.endpoint.is_some() || options.region.is_some() || options.account.is_some() {
            return Err(SettingsError::new("/options", "a folder has only `key`"));
        }
        if secret.is_some() {
            return Err(SettingsError::new("/secret", "a folder asks for none; send no secret"));
        }
        let wrong = || {
            let why = format!("{:?} is no folder; write file:///folder", url.as_str());
            SettingsError::new("/url", why)
        };
        let folder = url.to_file_path().map_err(|()| wrong())?;
        let prefix = Path::from_absolute_path(folder).map_err(|_| wrong())?;
        let store = Arc::new(LocalFileSystem::new().with_fsync(true));
        Ok(Place::new(store, prefix.to_string(), Backend::Folder))
    }

    fn s3(
        url: &Url,
        options: &Options,
        secret: Option<&Secret>,
        manner: Manner,
    ) -> Result<Place, SettingsError> {
        absent(options.account.as_ref(), "/options/account", "S3 has no account")?;
        let as_environment = manner.is_as_environment_says(secret);
        let begun =
            if as_environment { AmazonS3Builder::from_env() } else { AmazonS3Builder::new() };
        let mut builder = begun
            .with_bucket_name(bucket_of(url)?)
            .with_retry(manner.retry)
            .with_allow_http(true)
            .with_http_connector(manner.http);
        match &options.region {
            Some(region) => builder = builder.with_region(region),
            None if !as_environment => builder = builder.with_region("us-east-1"),
            None => {}
        }
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let shape =
            r#"{"access_key_id", "secret_access_key"}, with "session_token" where there is one"#;
        builder = match read::<S3Secret>(secret, shape)? {
            None if as_environment => builder,
            None => builder.with_credentials(nobody_at_amazon()).with_skip_signature(true),
            Some(S3Secret { access_key_id, secret_access_key, session_token }) => {
                let builder = builder
                    .with_access_key_id(access_key_id)
                    .with_secret_access_key(secret_access_key);
                match session_token {
                    Some(token) => builder.with_token(token),
                    None => builder,
                }
            }
        };
        Place::bucket(builder.build().map_err(|error| unfit(&error, secret, shape))?, url)
    }

    fn google(
        url: &Url,
        options: &Options,
        secret: Option<&Secret>,
        manner: Manner,
    ) -> Result<Place, SettingsError> {
        absent(options.account.as_ref(), "/options/account", "Google has no account")?;
        absent(options.region.as_ref(), "/options/region", "a bucket of Google knows its region")?;
        let as_environment = manner.is_as_environment_says(secret);
        let begun = if as_environment {
            GoogleCloudStorageBuilder::from_env()
        } else {
            GoogleCloudStorageBuilder::new()
        };
        let mut builder = begun
            .with_bucket_name(bucket_of(url)?)
            .with_retry(manner.retry)
            .with_http_connector(manner.http);
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        builder = match secret {
            None if as_environment => builder,
            None => builder.with_credentials(nobody_at_google()).with_skip_signature(true),
            Some(key) => builder.with_service_account_key(key.expose()),
        };
        let shape = "the JSON key of a service account";
        Place::bucket(builder.build().map_err(|error| unfit(&error, secret, shape))?, url)
    }

    fn azure(
        url: &Url,
        options: &Options,
        secret: Option<&Secret>,
        manner: Manner,
    ) -> Result<Place, SettingsError> {
        absent(options.region.as_ref(), "/options/region", "an account of Azure knows its region")?;
        let as_environment = manner.is_as_environment_says(secret);
        let is_named = options.account.is_some()
            || !url.username().is_empty()
            || (as_environment && std::env::var_os("AZURE_STORAGE_ACCOUNT_NAME").is_some());
        if !is_named {
            let why = "name it here, or write abfss://container@account.dfs.core.windows.net/";
            return Err(SettingsError::new("/options/account", why));
        }
        let begun = if as_environment {
            MicrosoftAzureBuilder::from_env()
        } else {
            MicrosoftAzureBuilder::new()
        };
        let mut builder = begun
            .with_url(url.as_str())
            .with_retry(manner.retry)
            .with_allow_http(true)
            .with_http_connector(manner.http);
        if let Some(account) = &options.account {
            builder = builder.with_account(account);
        }
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        let shape = r#"{"account_key"}, {"sas"} or {"tenant_id", "client_id", "client_secret"}"#;
        builder = match read::<AzureSecret>(secret, shape)? {
            None if as_environment => builder,
            None => builder.with_credentials(nobody_at_azure()).with_skip_signature(true),
            Some(AzureSecret::Key { account_key }) => builder.with_access_key(account_key),
            Some(AzureSecret::Sas { sas }) => {
                let sas = sas.trim_start_matches('?').as_bytes();
                let pairs: Vec<_> = url::form_urlencoded::parse(sas).into_owned().collect();
                builder.with_sas_authorization(pairs)
            }
            Some(AzureSecret::Application { tenant_id, client_id, client_secret }) => {
                builder.with_client_secret_authorization(client_id, client_secret, tenant_id)
            }
        };
        Place::bucket(builder.build().map_err(|error| unfit(&error, secret, shape))?, url)
    }
}

impl Manner {
    /// Whether credentials are those of the environment.
    fn is_as_environment_says(&self, secret: Option<&Secret>) -> bool {
        secret.is_none() && self.without_secret == WithoutSecret::AsEnvironmentSays
    }
}

/// Whoever gives no secret is nobody. Without these the stores would go and look for credentials of
/// the machine: in its environment, its files, and at its cloud's metadata address.
fn nobody_at_amazon() -> AwsCredentialProvider {
    let (key_id, secret_key) = (String::new(), String::new());
    Arc::new(StaticCredentialProvider::new(AwsCredential { key_id, secret_key, token: None }))
}

fn nobody_at_google() -> GcpCredentialProvider {
    Arc::new(StaticCredentialProvider::new(GcpCredential { bearer: String::new() }))
}

fn nobody_at_azure() -> AzureCredentialProvider {
    Arc::new(StaticCredentialProvider::new(AzureCredential::BearerToken(String::new())))
}

/// Attempts are repeated by whoever knows when, not here.
fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn absent(given: Option<&String>, pointer: &str, why: &str) -> Result<(), SettingsError> {
    given.map_or(Ok(()), |_| Err(SettingsError::new(pointer, why)))
}

fn bucket_of(url: &Url) -> Result<&str, SettingsError> {
    let named = url.host_str().filter(|host| !host.is_empty());
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    let wrong = || {
        let why =
            format!("write {}://bucket/folder, and credentials into the secret", url.scheme());
        SettingsError::new("/url", why)
    };
    named.filter(|_| plain).ok_or_else(wrong)
}

fn read<T: DeserializeOwned>(
    secret: Option<&Secret>,
    shape: &str,
) -> Result<Option<T>, SettingsError> {
    let Some(secret) = secret else { return Ok(None) };
    let wrong = |_| SettingsError::new("/secret", format!("send it as JSON: {shape}"));
    serde_json::from_str(secret.expose()).map(Some).map_err(wrong)
}

/// Errors about a secret may repeat parts of it, so they are not.
fn unfit(error: &object_store::Error, secret: Option<&Secret>, shape: &str) -> SettingsError {
    match secret {
        Some(_) => SettingsError::new("/secret", format!("it cannot be used; send {shape}")),
        None => SettingsError::new("/options", format!("the store cannot be reached so: {error}")),
    }
}
