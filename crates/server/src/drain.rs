//! What is left of a body that nobody wants: read and thrown away while the answer goes out, so
//! that a client which writes its whole request first gets the answer, and keeps its connection.
use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;

/// More bytes than this are not waited for: the connection closes instead.
const BYTES_MAX: u64 = 8 << 20;

/// Reads the rest of a refused body on a task of its own. It ends with the body, with the body's
/// own bounds of time, or with the connection.
pub(crate) fn drain(mut body: Body) {
    if body.is_end_stream() || body.size_hint().lower() > BYTES_MAX {
        return;
    }
    tokio::spawn(async move {
        let mut left = BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |piece| piece.len() as u64);
            left = left.saturating_sub(bytes);
            if left == 0 {
                return;
            }
        }
    });
}
