//! A request's body: read within its route's bounds, unpacked, whatever its Content-Type says.
//!
//! Clients label JSON as text, form or nothing at all (seen of clients that exist), so no label is judged
//! except `Content-Encoding`.
use std::{error::Error, sync::Arc};

use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_ENCODING};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    drain::drain,
    problem::{Code, Problem},
    timed_body::BodyTimeout,
    unpack::{Encoding, UnpackError, unpack},
};

/// How large a body a route takes; how many bytes that is, the operator says ([`BodySizes`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySize {
    /// One signal, disposition or setting.
    Single,
    /// A batch of signals.
    Batch,
}

/// The most that a body of each size may have, in bytes, as sent and unpacked alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodySizes {
    /// [`BodySize::Single`]. Default 1 MiB.
    pub single_bytes_max: usize,
    /// [`BodySize::Batch`]. Default 4 MiB.
    pub batch_bytes_max: usize,
}

impl Default for BodySizes {
    fn default() -> BodySizes {
        BodySizes { single_bytes_max: 1 << 20, batch_bytes_max: 4 << 20 }
    }
}

impl BodySizes {
    /// The bound on a body of this size.
    pub fn of(self, size: BodySize) -> BytesMax {
        BytesMax(match size {
            BodySize::Single => self.single_bytes_max,
            BodySize::Batch => self.batch_bytes_max,
        })
    }
}

/// The most bytes that a body may have, as sent and unpacked alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BytesMax(pub usize);

/// How many bytes of bodies may be in memory at once, shared by all requests. What a body has
/// brought so far counts, not what it announces, so a slow sender blocks nobody.
#[derive(Clone, Debug)]
pub struct BodyBytes(Arc<Semaphore>);

impl BodyBytes {
    /// Room for so many bytes.
    pub fn new(bytes_max: usize) -> BodyBytes {
        BodyBytes(Arc::new(Semaphore::new(bytes_max.min(Semaphore::MAX_PERMITS))))
    }

    fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(bytes).map_err(|_| {
            Code::Overloaded
                .because("as many bytes of bodies are in memory as may be")
                .retry_after(1)
        })
    }
}

/// The unpacked bytes of a body, as an argument of a handler. The bounds are those of the route's
/// row. The bytes count as in memory until this is dropped.
#[derive(Debug)]
pub struct Payload {
    /// The bytes.
    pub bytes: Bytes,
    _held: OwnedSemaphorePermit,
}

impl<S: Sync> FromRequest<S> for Payload {
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Payload, Response> {
        let bounds = request.extensions().get::<BytesMax>().zip(request.extensions().get());
        let (most, room) = bounds.expect("the row of a route that reads a body says so in `takes`");
        let (most, room) = (*most, BodyBytes::clone(room));
        read(request, most, &room).await.map_err(IntoResponse::into_response)
    }
}

/// Reads and unpacks a body within `most` and `room`.
///
/// # Errors
/// 400 for a damaged body, 408 for a slow one, 413 for a large one, 415 for an unknown encoding, 503
/// when there is no room.
async fn read(request: Request, most: BytesMax, room: &BodyBytes) -> Result<Payload, Problem> {
    let (parts, body) = request.into_parts();
    let encoding = label(&parts.headers)?;
    let (packed, held) = collect(body, most.0, room).await?;
    match encoding.or_recognised(&packed) {
        Encoding::Identity => Ok(Payload { bytes: packed, _held: held }),
        // Some clients label an empty body, too.
        _ if packed.is_empty() => Ok(Payload { bytes: packed, _held: held }),
        encoding => {
            // At most one body a thread is being unpacked, so the result can be counted afterwards.
            let bytes = unpack(encoding, &packed, most.0)?;
            drop((packed, held));
            let held = room.hold(bytes.len())?;
            Ok(Payload { bytes: bytes.into(), _held: held })
        }
    }
}

async fn collect(
    mut body: Body,
    bytes_max: usize,
    room: &BodyBytes,
) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
    let too_large = || {
        Code::BodyTooLarge
            .because(format!("a body has at most {bytes_max} bytes here; send less at a time"))
    };
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let mut held = room.hold(0)?;
    let mut pieces: Vec<Bytes> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure(&error))?;
        let Ok(piece) = frame.into_data() else { continue }; // trailers
        match room.hold(piece.len()) {
            Ok(more) => held.merge(more),
            Err(problem) => {
                drain(body);
                return Err(problem);
            }
        }
        if held.num_permits() > bytes_max {
            return Err(too_large());
        }
        pieces.push(piece);
    }
    let bytes = match <[Bytes; 1]>::try_from(pieces) {
        Ok([only]) => only,
        Err(pieces) => pieces.concat().into(),
    };
    Ok((bytes, held))
}

fn label(headers: &HeaderMap) -> Result<Encoding, UnpackError> {
    let mut labels = headers.get_all(CONTENT_ENCODING).iter();
    let label = labels.next().map(|label| label.to_str().unwrap_or("?"));
    match labels.next() {
        None => Encoding::from_label(label),
        Some(_) => Err(UnpackError::Unsupported { label: "more than one header".into() }),
    }
}

fn failure(error: &(dyn Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
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
