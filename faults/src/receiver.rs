//! A receiver of webhooks that a seed makes unreliable, and what arrived there.
//!
//! It refuses connections for a while, hangs, redirects, asks for patience, fails, breaks off after
//! the body and answers slowly; after [`FAULTS_MAX`] arrivals of one parcel it answers well.
use std::{
    collections::HashMap,
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context;

use crate::{dice::Dice, load::lock, stopwatch::Stopwatch};

mod answering;
mod arrival;

pub use arrival::{Answer, Arrival, key_of};

/// So many arrivals of one parcel may meet with a fault.
pub const FAULTS_MAX: u64 = 3;
/// Below the ports that a system hands out by itself: while nobody listens, nobody else takes it.
const PORTS: (u64, u64) = (20_000, 29_999);
/// How often a listener looks for connections.
const LOOK: Duration = Duration::from_millis(1);

/// A running receiver. Dropping it ends it.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What its threads share.
#[derive(Debug)]
struct Shared {
    seed: u64,
    number: usize,
    key: Mutex<Vec<u8>>,
    watch: Stopwatch,
    /// One more with each server that was killed.
    epoch: AtomicU64,
    arrivals: Mutex<Vec<Arrival>>,
    /// How often each parcel came.
    times: Mutex<HashMap<String, u64>>,
    open: Mutex<HashMap<u64, TcpStream>>,
    /// Whether a hang-up is asked for, and the sign that it is done.
    hang_up: Mutex<bool>,
    hung_up: Condvar,
    over: AtomicBool,
    refused_ms: AtomicU64,
}

impl Receiver {
    /// Listens on a port of 127.0.0.1; `number` tells it from the others of its seed.
    ///
    /// # Errors
    /// No port is free.
    pub fn start(seed: u64, number: usize, watch: Stopwatch) -> anyhow::Result<Receiver> {
        let mut dice = Dice::of(&[seed, number as u64, 4_711]);
        let mut ports = (0..200).filter_map(|_| {
            let port = u16::try_from(dice.between(PORTS.0, PORTS.1)).ok()?;
            Some((port, listen(port)?))
        });
        let (port, listener) = ports.next().context("no port for a receiver")?;
        let shared = Arc::new(Shared {
            seed,
            number,
            key: Mutex::default(),
            watch,
            epoch: AtomicU64::new(0),
            arrivals: Mutex::default(),
            times: Mutex::default(),
            open: Mutex::default(),
            hang_up: Mutex::default(),
            hung_up: Condvar::new(),
            over: AtomicBool::new(false),
            refused_ms: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || of_thread.listen(port, listener, &mut dice));
        Ok(Receiver { port, shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/parcels", self.port)
    }

    /// With what its messages are signed.
    pub fn know_key(&self, key: Vec<u8>) {
        *lock(&self.shared.key) = key;
    }

    /// After a server was killed: nothing that it sent is answered any more, and what comes from now
    /// on is of the next one.
    pub fn hang_up(&self) {
        let mut asked = lock(&self.shared.hang_up);
        *asked = true;
        while *asked && !self.shared.over.load(Ordering::Relaxed) {
            let limit = Duration::from_secs(1);
            asked = match self.shared.hung_up.wait_timeout(asked, limit) {
                Ok((asked, _)) => asked,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// What arrived so far.
    pub fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.shared.arrivals).clone()
    }

    /// For how long it refused connections.
    pub fn refused(&self) -> Duration {
        Duration::from_millis(self.shared.refused_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.shared.close_all();
    }
}

fn listen(port: u16) -> Option<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    listener.set_nonblocking(true).ok()?;
    Some(listener)
}

impl Shared {
    /// Takes connections, now and then none for a while.
    fn listen(self: Arc<Shared>, port: u16, listener: TcpListener, dice: &mut Dice) {
        let (mut listener, mut number) = (Some(listener), 0);
        let mut until = self.watch.elapsed() + Duration::from_millis(dice.between(300, 2_000));
        while !self.over.load(Ordering::Relaxed) {
            match listener.as_ref().map(TcpListener::accept) {
                Some(Ok((stream, _))) => {
                    number += 1;
                    self.take(number, stream);
                    continue;
                }
                Some(Err(_)) => self.hang_up_if_asked(),
                None => {
                    self.hang_up_if_asked();
                    self.refused_ms.fetch_add(1, Ordering::Relaxed);
                }
            }
            if self.watch.is_past(until) {
                let (least, most) = if listener.is_some() { (20, 120) } else { (300, 2_000) };
                listener = if listener.is_some() { None } else { listen(port) };
                until = self.watch.elapsed() + Duration::from_millis(dice.between(least, most));
            }
            std::thread::sleep(LOOK);
        }
    }

    fn take(self: &Arc<Shared>, number: u64, stream: TcpStream) {
        let Ok(kept) = stream.try_clone() else { return };
        if stream.set_nonblocking(false).is_err() {
            return;
        }
        lock(&self.open).insert(number, kept);
        let (shared, epoch) = (Arc::clone(self), self.epoch.load(Ordering::Relaxed));
        std::thread::spawn(move || {
            shared.serve(stream, epoch);
            lock(&shared.open).remove(&number);
        });
    }

    /// Only when no connection waits to be taken, so none is left of the server that was killed.
    fn hang_up_if_asked(&self) {
        let mut asked = lock(&self.hang_up);
        if *asked {
            self.close_all();
            self.epoch.fetch_add(1, Ordering::Relaxed);
            *asked = false;
            self.hung_up.notify_all();
        }
    }

    fn close_all(&self) {
        for (_, stream) in lock(&self.open).drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
