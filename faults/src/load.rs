//! The load: clients that post all at once, to whichever server stands at the moment.
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{client, ledger::Ledger, traffic::Traffic};

/// What the clients share.
#[derive(Debug)]
pub struct Load {
    /// What they send.
    pub traffic: Traffic,
    /// With which key.
    pub key: String,
    /// How many there are.
    pub clients: u32,
    /// The longest pause between two requests of one client, in milliseconds.
    pub pause_ms: u64,
    /// What was sent and acknowledged.
    pub ledger: Mutex<Ledger>,
    /// How the answers were.
    pub answers: Answers,
    /// Goes on growing, so that no two legs of one run repeat each other's pauses.
    pub(crate) legs: AtomicU64,
    url: Mutex<String>,
    ended: AtomicBool,
}

/// How the requests were answered.
#[derive(Debug, Default)]
pub struct Answers {
    /// With 2xx.
    pub accepted: AtomicU64,
    /// With a 507.
    pub disk_full: AtomicU64,
    /// With a 503.
    pub unavailable: AtomicU64,
    /// By a connection that was refused or closed.
    pub unknown: AtomicU64,
    /// Not within 10 s.
    pub hung: AtomicU64,
    /// What must not be answered, with how often.
    pub faults: Mutex<BTreeMap<String, u64>>,
}

impl Answers {
    /// Notes an answer that must not be.
    pub fn fault(&self, what: String) {
        *lock(&self.faults).entry(what).or_default() += 1;
    }
}

/// A lock that a panic elsewhere does not take away.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the load however its watcher ends, or the clients would go on for ever.
struct EndsLoad<'a>(&'a Load);

impl Drop for EndsLoad<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

impl Load {
    /// A load that has not begun.
    pub fn new(traffic: Traffic, key: String, clients: u32) -> Load {
        Load {
            traffic,
            key,
            clients,
            pause_ms: 8,
            ledger: Mutex::default(),
            answers: Answers::default(),
            legs: AtomicU64::new(0),
            url: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// The same with another longest pause.
    #[must_use]
    pub fn pausing(self, pause_ms: u64) -> Load {
        Load { pause_ms, ..self }
    }

    /// Lets the clients post as long as `watch` runs. What was not answered before is sent again
    /// first.
    ///
    /// # Errors
    /// Those of `watch`.
    pub fn during<T>(&self, watch: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.ended.store(false, Ordering::Relaxed);
        let leg = self.legs.fetch_add(1, Ordering::Relaxed);
        std::thread::scope(|threads| {
            let _ends = EndsLoad(self);
            for number in 0..self.clients {
                threads.spawn(move || client::run(self, number, leg));
            }
            watch()
        })
    }

    /// Posts what becomes one session of its own, beside the clients; gives its cookie.
    ///
    /// # Errors
    /// The server does not take it.
    pub fn post_once(&self) -> anyhow::Result<String> {
        client::post_once(self, self.clients)
    }

    /// Where the server listens from now on; empty: nowhere.
    pub fn turn_to(&self, url: &str) {
        url.clone_into(&mut lock(&self.url));
    }

    /// Whether the clients are to end.
    pub fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || crate::interrupt::came()
    }

    /// Where the server listens, if one stands.
    pub fn url(&self) -> Option<String> {
        Some(lock(&self.url).clone()).filter(|url| !url.is_empty())
    }

    /// How many requests were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.answers.accepted.load(Ordering::Relaxed)
    }
}
