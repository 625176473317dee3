//! The guard: nothing of ours connects to an address that is not the open internet's.
//!
//! Promise: what is checked is what is connected to. A name is resolved once for a connection, every
//! address it has is checked, and the connection goes to one of those, with the name kept for TLS
//! and `Host`. A single address that is not allowed refuses them all. No redirect is followed and no
//! proxy of the environment is asked, because nothing here does either.
mod address;
mod destination;
mod connector;

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::net::TcpStream;

use crate::{client::Client, outcome::Failure};
pub(crate) use connector::Connector;
pub(crate) use destination::{Destination, Scheme};

/// To make one connection, looking up its name included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// From the beginning of a connection to the end of an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a name led to.
pub type Resolved = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of a name: the system's resolver, or a test's.
pub trait Resolve: Send + Sync + 'static {
    /// Every address that the name has now.
    fn resolve(&self, host: &str) -> Resolved;
}

/// How far connections may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To addresses of the open internet, encrypted.
    OpenInternet,
    /// To private addresses, any port, and in clear as well.
    Anywhere,
}

/// Watches over every connection of one process; clones share it.
#[derive(Clone)]
pub struct Guard {
    gate: Arc<Gate>,
    client: Client,
    /// PEM of authorities that are trusted besides the system's.
    authorities: Option<Arc<str>>,
    /// How long one exchange may take.
    patience: Duration,
}

impl Guard {
    /// A guard by the system's resolver.
    ///
    /// With `allow_private` any address, port and `http` is allowed, for tests and closed networks;
    /// without it only `https` to the ports 443 and 8443 of addresses of the open internet.
    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "it is the flag of the program, by its name"
    )]
    pub fn new(allow_private: bool) -> Guard {
        let reach = if allow_private { Reach::Anywhere } else { Reach::OpenInternet };
        Guard::with(reach, System, None)
    }

    /// A guard by another resolver, which trusts further authorities (PEM) where given. Certificates
    /// that cannot be read are left out.
    pub fn with(reach: Reach, resolver: impl Resolve, authorities: Option<&str>) -> Guard {
        let gate = Arc::new(Gate { reach, resolver: Box::new(resolver) });
        let roots = authorities.map(certificates).unwrap_or_default();
        let client = Client::new(connector::Connector::new(Arc::clone(&gate)), roots);
        Guard { gate, client, authorities: authorities.map(Arc::from), patience: PATIENCE }
    }

    /// Lets one HTTP exchange take so long, instead of 20 s; a mail or an object thrice, a recipe six
    /// times that.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Guard {
        Guard { client: self.client.with_patience(patience), patience, ..self }
    }

    /// How long one exchange may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether private addresses are allowed.
    pub fn allows_private(&self) -> bool {
        self.gate.reach == Reach::Anywhere
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn authorities(&self) -> Option<&str> {
        self.authorities.as_deref()
    }

    /// Whether a destination may be called at all, as far as can be said without looking up a name.
    pub(crate) fn check(&self, destination: &Destination) -> Result<(), Refused> {
        self.gate.check(destination)
    }

    /// The addresses that may be connected to now.
    pub(crate) async fn addresses(
        &self,
        destination: &Destination,
    ) -> Result<Vec<SocketAddr>, NoConnection> {
        self.gate.addresses(destination).await
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guard({:?})", self.gate.reach)
    }
}

/// The part of the guard that decides.
struct Gate {
    reach: Reach,
    resolver: Box<dyn Resolve>,
}

impl Gate {
    fn check(&self, destination: &Destination) -> Result<(), Refused> {
        if self.reach == Reach::Anywhere {
            return Ok(());
        }
        destination.check_without_looking_up()
    }

    async fn addresses(&self, to: &Destination) -> Result<Vec<SocketAddr>, NoConnection> {
        self.check(to)?;
        let ips = match to.literal() {
            Some(ip) => vec![ip],
            None => self.resolver.resolve(to.host()).await.map_err(NoConnection::Dns)?,
        };
        if ips.is_empty() {
            return Err(NoConnection::Dns(io::Error::other("the name has no address")));
        }
        if self.reach == Reach::OpenInternet {
            for ip in &ips {
                address::check(*ip)?;
            }
        }
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, to.port())).collect())
    }

    /// Connects to the first address that answers.
    async fn connect(&self, to: &Destination) -> Result<TcpStream, NoConnection> {
        let attempt = async {
            let mut last = io::Error::other("no address");
            for address in self.addresses(to).await? {
                match TcpStream::connect(address).await {
                    Ok(stream) => {
                        let _ = stream.set_nodelay(true);
                        return Ok(stream);
                    }
                    Err(error) => last = error,
                }
            }
            Err(NoConnection::Connect(last))
        };
        tokio::time::timeout(CONNECT_TIMEOUT, attempt).await.unwrap_or(Err(NoConnection::Timeout))
    }
}

/// Why nothing may go there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; private destinations need --allow-private-destinations")]
pub(crate) struct Refused(pub(crate) String);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoConnection {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the name cannot be resolved: {0}")]
    Dns(io::Error),
    #[error("no connection: {0}")]
    Connect(io::Error),
    #[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
}

impl NoConnection {
    pub(crate) fn failure(&self) -> Failure {
        let reason = match self {
            NoConnection::Refused(_) => "refused_by_guard",
            NoConnection::Dns(_) => "dns",
            NoConnection::Connect(_) => "connect",
            NoConnection::Timeout => "timeout",
        };
        Failure::new(reason, self.to_string())
    }
}

/// The system's resolver.
struct System;

impl Resolve for System {
    fn resolve(&self, host: &str) -> Resolved {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().collect()
}
