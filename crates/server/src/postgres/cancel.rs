//! Which queries run, so that another connection can end one: it names the connection and its secret.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
};

use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

/// All connections that ask.
#[derive(Default)]
pub(super) struct Connections {
    next: AtomicI32,
    all: Mutex<HashMap<i32, Arc<Connection>>>,
}

/// One connection, as others see it.
pub(super) struct Connection {
    pub(super) number: i32,
    pub(super) secret: i32,
    /// Ends what runs now.
    running: Mutex<Option<CancellationToken>>,
}

/// A connection that is known; forgotten when dropped.
pub(super) struct Known {
    pub(super) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Connections {
    pub(super) fn add(self: &Arc<Connections>, secret: i32) -> Known {
        let number = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let connection = Arc::new(Connection { number, secret, running: Mutex::default() });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(number, Arc::clone(&connection));
        Known { connection, connections: Arc::clone(self) }
    }

    /// Ends what a connection runs, if the secret is its own.
    pub(super) fn cancel(&self, number: i32, secret: i32) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = all.get(&number) else { return };
        if bool::from(connection.secret.ct_eq(&secret)) {
            let running = connection.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.iter().for_each(CancellationToken::cancel);
        }
    }
}

impl Connection {
    /// Something begins; the token ends when it is cancelled.
    pub(super) fn begin(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        token
    }

    /// Nothing runs: what is cancelled now is not what begins next.
    pub(super) fn end(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        let mut all = self.connections.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.connection.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_is_cancelled_and_only_by_its_secret() {
        let connections = Arc::new(Connections::default());
        let known = connections.add(7);
        let number = known.connection.number;
        connections.cancel(number, 7);
        let token = known.connection.begin();
        connections.cancel(number, 8);
        connections.cancel(number + 1, 7);
        assert!(!token.is_cancelled());
        connections.cancel(number, 7);
        assert!(token.is_cancelled());
        known.connection.end();
        drop(known);
        connections.cancel(number, 7);
        assert!(connections.all.lock().unwrap().is_empty());
    }
}
