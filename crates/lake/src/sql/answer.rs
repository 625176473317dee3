//! An answer as it comes, and the end of the work that makes it.
use std::time::Duration;

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinHandle,
};

use super::QueryError;

/// An answer as it comes: pieces to be put one behind the other. After an error there is no more,
/// and what came before is no whole answer. Dropping it ends the query.
#[derive(Debug)]
pub struct Answer<T = Vec<u8>> {
    pieces: mpsc::Receiver<Piece<T>>,
    is_over: bool,
}

/// A piece of an answer; `None`: the answer is whole.
type Piece<T> = Result<Option<T>, QueryError>;

impl<T> Answer<T> {
    pub(super) fn new(pieces: mpsc::Receiver<Piece<T>>) -> Answer<T> {
        Answer { pieces, is_over: false }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T, QueryError>> {
        if self.is_over {
            return None;
        }
        let piece = self.pieces.recv().await;
        self.told(piece)
    }

    /// The same for threads outside a runtime.
    pub fn next_blocking(&mut self) -> Option<Result<T, QueryError>> {
        if self.is_over {
            return None;
        }
        let piece = self.pieces.blocking_recv();
        self.told(piece)
    }

    fn told(&mut self, piece: Option<Piece<T>>) -> Option<Result<T, QueryError>> {
        // Without its last word an answer is not whole.
        let piece = piece.unwrap_or_else(|| Err(QueryError::Defect("it ended early".to_owned())));
        self.is_over = !matches!(piece, Ok(Some(_)));
        piece.transpose()
    }
}

/// Where pieces of an answer go.
pub(super) type Sender<T> = mpsc::Sender<Piece<T>>;

/// How a query's work came to an end.
enum End {
    Done(Result<(), QueryError>),
    /// Nobody waits for the answer any more.
    Unwanted,
    TooLate,
}

/// Ends the work when it is done, when its time is over or when nobody waits for it any more. The
/// seat is free before the answer's last word is out, unless something still sits on it.
pub(super) async fn watch<T>(
    mut work: JoinHandle<Result<(), QueryError>>,
    sender: Sender<T>,
    time: Duration,
    seat: OwnedSemaphorePermit,
) {
    let end = tokio::select! {
        done = &mut work => End::Done(done.unwrap_or_else(|error| {
            let what = if error.is_panic() { "the engine panicked" } else { "it ended early" };
            Err(QueryError::Defect(what.to_owned()))
        })),
        () = sender.closed() => End::Unwanted,
        () = tokio::time::sleep(time) => End::TooLate,
    };
    // Whether anybody is there to hear it makes no difference.
    match end {
        End::Done(done) => {
            drop(seat);
            let _ = sender.send(done.map(|()| None)).await;
        }
        End::Unwanted => {
            work.abort();
            let _ = work.await;
        }
        End::TooLate => {
            work.abort();
            let _ = sender.send(Err(too_late(time))).await;
            // What does not come to an end keeps its seat until it does.
            let _ = work.await;
        }
    }
}

pub(super) fn too_late(time: Duration) -> QueryError {
    QueryError::TooLate(format!(
        "the query was not answered within {} ms ([query] time_ms); narrow it with WHERE, or let it \
         run for longer",
        time.as_millis()
    ))
}
