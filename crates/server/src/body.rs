//! A request's body: read within its route's bounds, unpacked, whatever its Content-Type says.
//!
//! Clients label JSON as text, form or nothing at all (spec/clients.md 2.1), so no label is judged
//! except `Content-Encoding`.
use std::error::Error;

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{
    problem::{Code, Problem},
    timed_body::BodyTimeout,
    unpack::{Encoding, UnpackError, unpack},
};

/// How large a body a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodySize {
    /// Bytes as sent.
    pub packed_max: usize,
    /// Bytes when unpacked.
    pub unpacked_max: usize,
}

impl BodySize {
    /// One signal, disposition or setting: 1 MiB.
    pub const SINGLE: BodySize = BodySize { packed_max: 1 << 20, unpacked_max: 1 << 20 };
    /// A batch: 4 MiB.
    pub const BATCH: BodySize = BodySize { packed_max: 4 << 20, unpacked_max: 4 << 20 };
}

/// The unpacked bytes of a body, as an argument of a handler. The bounds are those of the route's
/// row; without a row, [`BodySize::SINGLE`].
#[derive(Clone, Debug)]
pub struct Payload(pub Bytes);

impl<S: Sync> FromRequest<S> for Payload {
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Payload, Response> {
        let size = request.extensions().get().copied().unwrap_or(BodySize::SINGLE);
        read(request, size).await.map(Payload).map_err(IntoResponse::into_response)
    }
}

/// Reads and unpacks a body within `size`.
///
/// # Errors
/// 400 for a damaged body, 408 for a slow one, 413 for a large one, 415 for an unknown encoding.
pub async fn read(request: Request, size: BodySize) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    let encoding = label(&parts.headers)?;
    let too_large = || {
        let most = size.packed_max;
        Code::BodyTooLarge
            .because(format!("a body has at most {most} bytes here; send less at a time"))
    };
    let announced = axum::body::HttpBody::size_hint(&body).lower();
    if announced > size.packed_max as u64 {
        return Err(too_large());
    }
    let collected = Limited::new(body, size.packed_max).collect().await;
    let packed = collected.map_err(|error| failure(&*error, too_large))?.to_bytes();
    match encoding.or_recognised(&packed) {
        Encoding::Identity => Ok(packed),
        // Some clients label an empty body, too.
        _ if packed.is_empty() => Ok(packed),
        encoding => Ok(unpack(encoding, &packed, size.unpacked_max)?.into()),
    }
}

fn label(headers: &HeaderMap) -> Result<Encoding, UnpackError> {
    let mut labels = headers.get_all(CONTENT_ENCODING).iter();
    let label = labels.next().map(|label| label.to_str().unwrap_or("?"));
    match labels.next() {
        None => Encoding::from_label(label),
        Some(_) => Err(UnpackError::Unsupported { label: "more than one header".into() }),
    }
}

fn failure(error: &(dyn Error + 'static), too_large: impl FnOnce() -> Problem) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return too_large();
        }
        if let Some(timeout) = error.downcast_ref::<BodyTimeout>() {
            return Code::BodyTimeout.because(timeout.to_string());
        }
        cause = error.source();
    }
    Code::BrokenBody.into()
}

impl From<UnpackError> for Problem {
    fn from(error: UnpackError) -> Problem {
        let code = match error {
            UnpackError::Unsupported { .. } => Code::EncodingNotSupported,
            UnpackError::Corrupt { .. } => Code::CorruptEncoding,
            UnpackError::TooLarge { .. } | UnpackError::OutOfProportion => Code::BodyTooLarge,
        };
        code.because(error.to_string())
    }
}
