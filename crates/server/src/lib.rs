//! The HTTP face: routes, keys, limits, OpenAPI, problem documents.
//!
//! A request passes, in this order: the accept loop with its timeouts and caps, the layers of
//! `face`, the admission of its row in the route table, its handler. A refusal on the way is a
//! problem document. Nothing here decides what a session is or when something happens.
pub mod problem;
pub mod settings;

pub mod accept;
mod progress;
pub mod seats;
mod timed_body;
mod timed_stream;

mod catch_panic;
mod cors;
mod host;
pub mod request_log;

pub mod auth;
pub mod body;
mod drain;
pub mod limits;
pub mod unpack;

mod docs;
pub mod openapi;
pub mod routes;

pub mod health;
pub mod live;

pub mod api;
pub mod face;

pub mod postgres;

pub use timed_body::BodyTimeout;
