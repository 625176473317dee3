//! For tests only: what deliveries go to.
//!
//! [`Receiver`] is a receiver of ours that does as it is told, faults included. [`Peer`] is a real
//! server of others: S3 by moto, SMTP by aiosmtpd, HTTPS by Python; [`verified_by_python`] and
//! [`verified_by_node`] are the libraries with which receivers check webhooks. What those need is
//! fetched once, pinned, to `${XDG_CACHE_HOME:-~/.cache}/sessionary/peers`, and not again.
//! [`Engine`] reads the lake as others do: `DuckDB`, Polars, and Spark where there is Java.
//! [`SqlClient`] asks the wire of `PostgreSQL`: psycopg, and `SQLAlchemy` with pandas.
//! Everything listens on 127.0.0.1, on a free port. A fault of a peer is a panic: the test has none.
mod exchange;
mod receiver;
mod home;
mod peer;
mod engine;
mod sql_client;

pub use engine::{Engine, Question};
pub use exchange::{Reply, Request};
pub use peer::{Certificates, Peer, verified_by_node, verified_by_python};
pub use receiver::{Receiver, refusing_port};
pub use sql_client::SqlClient;
