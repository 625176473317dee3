//! A receiver of HTTP that does as it is told, and remembers what it was sent.
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::exchange::{Reply, Request, perform};

/// How long [`Receiver::wait_for`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

type Script = dyn Fn(usize, &Request) -> Reply + Send + Sync;

/// Listens until the process ends.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connections: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
}

impl Receiver {
    /// Does with each request what the script says; it is told how many came before.
    ///
    /// # Panics
    /// Without a free port on 127.0.0.1.
    pub fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State::default());
        let script: Arc<Script> = Arc::new(script);
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (state, script) = (Arc::clone(&shared), Arc::clone(&script));
                std::thread::spawn(move || serve(stream, &state, &*script));
            }
        });
        Receiver { address, state }
    }

    /// Does these things one after the other, and the last of them again and again.
    pub fn scripted(replies: Vec<Reply>) -> Receiver {
        Receiver::start(move |number, _| {
            let reply = replies.get(number).or(replies.last()).cloned();
            reply.unwrap_or(Reply::status(200))
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port` and a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections were ever made to it.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// What it was sent so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many requests have come.
    ///
    /// # Panics
    /// When they do not come in 30 seconds.
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        let held = self.state.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let fewer = |requests: &mut Vec<Request>| requests.len() < count;
        let waited = self.state.arrived.wait_timeout_while(held, PATIENCE, fewer);
        let (requests, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(requests.len() >= count, "{} of {count} requests came", requests.len());
        requests.clone()
    }
}

/// A port of 127.0.0.1 at which nobody listens.
///
/// # Panics
/// Without a free port.
pub fn refusing_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a listener has an address").port()
}

fn serve(mut stream: TcpStream, state: &State, script: &Script) {
    // Which reply it will be is known only when the request is: the last byte waits for that.
    while let Ok(Some(request)) = Request::read(&mut stream) {
        let number = {
            let mut requests = state.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(request.clone());
            requests.len() - 1
        };
        state.arrived.notify_all();
        let reply = script(number, &request);
        if reply != Reply::Reset && !request.body.is_empty() {
            let _ = std::io::Read::read(&mut stream, &mut [0]);
        }
        if !perform(&reply, &mut stream).unwrap_or(false) {
            return;
        }
    }
}
