//! Load over HTTP: so many connections, in a closed loop or by a schedule of arrivals that does not
//! wait for answers.
//!
//! By schedule, the time of an answer counts from the instant at which the request was due, so that
//! a server that stands still is not flattered by a sender that waits for it.
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use sessionary_engine::clock::{ServerClock, monotonic};
use tokio::{runtime::Runtime, sync::Semaphore, task::LocalSet};

use super::{
    child::Server,
    counters::{process_cpu_us, real, whole},
    plan::{Outcome, Pace, Plan, Refusals},
    stream::{Group, Stream},
    wire::{Answer, Connection},
};

/// After the last request was due, a backlog is given up after this long.
const BACKLOG: Duration = Duration::from_secs(5);

/// Sends the signals of a stream from a number on.
pub(super) struct Sender {
    runtime: Runtime,
    stream: Stream,
    /// The number of the next signal.
    pub(super) next: u64,
}

/// What the connections share.
struct Shared {
    stream: Stream,
    plan: Plan,
    head: Box<dyn Fn(usize) -> String>,
    clock: ServerClock,
    began: Instant,
    /// Arrivals that are due; `None` in a closed loop.
    due: Option<Arc<Semaphore>>,
    first: u64,
    taken: Cell<u64>,
    outcome: RefCell<Outcome>,
}

impl Sender {
    /// A sender at the beginning of a stream.
    pub(super) fn new(stream: Stream) -> anyhow::Result<Sender> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Sender { runtime: runtime.context("the sender cannot be started")?, stream, next: 0 })
    }

    /// Loads a server by a plan.
    ///
    /// # Errors
    /// Any answer that is not as it should be.
    pub(super) fn run(&mut self, server: &Server, plan: Plan) -> anyhow::Result<Outcome> {
        let (address, key) = (server.address.clone(), server.key.clone());
        let head = move |length| {
            format!(
                "POST /v1/signals HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            )
        };
        let cpu = process_cpu_us();
        let due = match plan.pace {
            Pace::Closed => None,
            Pace::Open { per_second } => Some(schedule(per_second, plan.last, plan.connections)?),
        };
        let shared = Rc::new(Shared {
            stream: self.stream.clone(),
            plan,
            head: Box::new(head),
            clock: ServerClock::start(None),
            began: monotonic(),
            due,
            first: self.next,
            taken: Cell::new(0),
            outcome: RefCell::default(),
        });
        let tasks = LocalSet::new();
        let ended = tasks.block_on(&self.runtime, send_all(&shared, &server.address));
        if let Some(due) = &shared.due {
            due.close();
        }
        ended?;
        self.next += shared.taken.get() * plan.batch;
        let mut outcome = shared.outcome.take();
        outcome.seconds = shared.began.elapsed().as_secs_f64();
        outcome.generator_cpu_us = process_cpu_us() - cpu;
        if let Pace::Open { per_second } = plan.pace {
            let due = whole(per_second * plan.last.as_secs_f64());
            outcome.unsent = due.saturating_sub(outcome.requests);
        }
        Ok(outcome)
    }
}

async fn send_all(shared: &Rc<Shared>, address: &str) -> anyhow::Result<()> {
    let connections = (0..shared.plan.connections).map(|_| {
        let (shared, connection) = (Rc::clone(shared), Connection::new(address));
        tokio::task::spawn_local(async move { shared.use_connection(connection).await })
    });
    for task in connections.collect::<Vec<_>>() {
        task.await.context("a sender failed")??;
    }
    Ok(())
}

/// Lets one request go at each instant of the schedule, from a thread of its own: a timer of the
/// runtime would be a millisecond late.
fn schedule(per_second: f64, last: Duration, connections: u32) -> anyhow::Result<Arc<Semaphore>> {
    let due = Arc::new(Semaphore::new(0));
    let arrivals = Arc::clone(&due);
    let began = monotonic();
    let release = move || {
        let mut number = 0_u64;
        while !arrivals.is_closed() {
            let at = Duration::from_secs_f64(real(number) / per_second);
            if at >= last {
                break;
            }
            match at.checked_sub(began.elapsed()) {
                Some(wait) if !wait.is_zero() => std::thread::sleep(wait),
                _ => {
                    arrivals.add_permits(1);
                    number += 1;
                }
            }
        }
        // Whoever waits for a further arrival learns that there is none.
        arrivals.add_permits(connections as usize);
    };
    std::thread::Builder::new().spawn(release).context("the schedule cannot be started")?;
    Ok(due)
}

impl Shared {
    async fn use_connection(&self, mut connection: Connection) -> anyhow::Result<()> {
        let (mut group, mut request) = (Group::default(), Vec::new());
        while let Some((number, due)) = self.next_arrival().await {
            self.render(&mut group, &mut request, self.first + number * self.plan.batch);
            let sent = monotonic();
            let answer = match connection.exchange(&request).await {
                Err(error) if self.plan.refusals == Refusals::Count => {
                    let mut outcome = self.outcome.borrow_mut();
                    (outcome.requests, outcome.cut) = (outcome.requests + 1, outcome.cut + 1);
                    outcome.first_cut.get_or_insert_with(|| format!("{error:#}"));
                    continue;
                }
                answer => answer?,
            };
            let now = monotonic();
            let waited = micros(now.duration_since(due.unwrap_or(sent)));
            let body = group.body.len();
            match self.judge(&answer) {
                Some(accepted) => self.note(accepted, body, waited),
                None => self.refused(&answer, micros(now.duration_since(sent)), &connection)?,
            }
        }
        Ok(())
    }

    /// The number of the next request and when it was due; `None` at the end.
    async fn next_arrival(&self) -> Option<(u64, Option<Instant>)> {
        let due = match (&self.due, self.plan.pace) {
            (Some(due), Pace::Open { per_second }) => {
                let end = self.plan.last.as_secs_f64();
                let late = self.plan.last + BACKLOG;
                let left = late.checked_sub(self.began.elapsed())?;
                let permit = tokio::time::timeout(left, due.acquire()).await.ok()?.ok()?;
                permit.forget();
                let offset = real(self.taken.get()) / per_second;
                if offset >= end {
                    return None;
                }
                Some(self.began + Duration::from_secs_f64(offset))
            }
            _ => None,
        };
        let number = self.taken.get();
        let over = match self.plan.refusals {
            Refusals::Count => self.began.elapsed() >= self.plan.last,
            Refusals::Fail => due.is_none() && self.began.elapsed() >= self.plan.last,
        };
        if over || number * self.plan.batch >= self.plan.signals_max {
            return None;
        }
        self.taken.set(number + 1);
        Some((number, due))
    }

    fn render(&self, group: &mut Group, request: &mut Vec<u8>, first: u64) {
        let at = self.clock.now().to_string();
        if self.plan.batch == 1 {
            group.body.clear();
            self.stream.signal(&mut group.body, first, &at);
        } else {
            self.stream.render(group, first, self.plan.batch, &at);
        }
        request.clear();
        request.extend_from_slice((self.head)(group.body.len()).as_bytes());
        request.extend_from_slice(&group.body);
    }

    /// Signals accepted, if the answer is as it should be.
    fn judge(&self, answer: &Answer) -> Option<u64> {
        let whole = answer.status == 200 && answer.accepted == self.plan.batch;
        whole.then_some(answer.accepted)
    }

    fn note(&self, accepted: u64, body: usize, waited: u32) {
        let mut outcome = self.outcome.borrow_mut();
        outcome.requests += 1;
        outcome.accepted += accepted;
        outcome.bytes += body as u64;
        outcome.waits.push(waited);
    }

    fn refused(&self, answer: &Answer, waited: u32, said: &Connection) -> anyhow::Result<()> {
        let refusal = matches!(answer.status, 429 | 503) && answer.retry_after;
        if self.plan.refusals == Refusals::Fail || !refusal {
            bail!(
                "the server answered {} and accepted {} of {}: {}",
                answer.status,
                answer.accepted,
                self.plan.batch,
                said.said()
            );
        }
        let mut outcome = self.outcome.borrow_mut();
        outcome.requests += 1;
        outcome.refused += 1;
        outcome.refusals.push(waited);
        Ok(())
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
