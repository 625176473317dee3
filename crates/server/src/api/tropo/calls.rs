//! The sessions of the platform that are on their way: what later posts of them need.
//!
//! Kept in this process alone, and bounded. Whatever is forgotten, by a restart or for room, is
//! looked up in the store, or costs a post without a key its admission.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use sessionary_core::{
    signal::TenantId,
    time::{Millis, UnixMillis},
};
use sessionary_dialects::tropo::Known;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::paths::Whereabouts;
use crate::{
    auth::Caller,
    problem::{Code, Problem},
};

/// Sessions that are remembered at one time.
const CALLS_MAX: usize = 16_384;
/// Posts of one session that may wait for their turn.
const WAITING_MAX: usize = 64;
/// So long after its last post a session still admits posts without a key.
const LIVE: Millis = Millis::from_hours(24);
/// And so long after its end, for the repetition of a post whose answer was lost.
const AFTERWARDS: Millis = Millis::from_mins(10);

/// The sessions that are on their way, by the platform's id; ids of two tenants may be the same.
#[derive(Default)]
pub(super) struct Calls {
    calls: Mutex<HashMap<Box<str>, Vec<Arc<Call>>>>,
}

/// One of them.
pub(super) struct Call {
    caller: Caller,
    live_until: Mutex<UnixMillis>,
    waiting: AtomicUsize,
    turn: Arc<Turn<State>>,
}

/// What a post of a session finds, and leaves for the next.
#[derive(Default)]
pub(super) struct State {
    /// Its start and channel, once they are known.
    pub(super) known: Known,
    /// Where the platform and the application are.
    pub(super) whereabouts: Option<Whereabouts>,
}

impl Calls {
    /// The session of a caller; remembered from now on.
    pub(super) fn of(&self, caller: &Caller, session: &str, now: UnixMillis) -> Arc<Call> {
        let mut calls = self.lock();
        let known = calls.get(session).into_iter().flatten();
        if let Some(known) = known.into_iter().find(|call| call.tenant() == caller.tenant()) {
            known.note(now.plus(LIVE));
            return Arc::clone(known);
        }
        if calls.len() >= CALLS_MAX {
            forget(&mut calls);
        }
        let call = Arc::new(Call {
            caller: caller.clone(),
            live_until: Mutex::new(now.plus(LIVE)),
            waiting: AtomicUsize::new(0),
            turn: Arc::default(),
        });
        calls.entry(session.into()).or_default().push(Arc::clone(&call));
        call
    }

    /// The caller whose live session has this id; none where sessions of two have it.
    pub(super) fn caller_of(&self, session: &str, now: UnixMillis) -> Option<Caller> {
        let calls = self.lock();
        match calls.get(session)?.as_slice() {
            [only] if *lock(&only.live_until) > now => Some(only.caller.clone()),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Arc<Call>>>> {
        lock(&self.calls)
    }
}

/// Makes room: forgets the half that was heard of longest ago.
fn forget(calls: &mut HashMap<Box<str>, Vec<Arc<Call>>>) {
    let heard = |calls: &Vec<Arc<Call>>| calls.iter().map(|call| *lock(&call.live_until)).max();
    let mut all: Vec<_> = calls.values().map(heard).collect();
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied().flatten();
    calls.retain(|_, calls| heard(calls) > middle);
}

impl Call {
    fn tenant(&self) -> TenantId {
        self.caller.tenant()
    }

    fn note(&self, live_until: UnixMillis) {
        *lock(&self.live_until) = live_until;
    }

    /// Takes note that the session is over.
    pub(super) fn note_end(&self, now: UnixMillis) {
        self.note(now.plus(AFTERWARDS));
    }

    /// Waits until all posts of the session that came before are through.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub(super) async fn turn(self: &Arc<Call>) -> Result<OwnedMutexGuard<State>, Problem> {
        let waiting = Waiting(Arc::clone(self));
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            let problem = Code::Overloaded.because("too many posts of this session wait");
            return Err(problem.retry_after(1));
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        drop(waiting);
        Ok(turn)
    }
}

/// Counts a post as waiting until it is dropped.
struct Waiting(Arc<Call>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{Gate, Place, Presented},
        limits::Rates,
    };
    use sessionary_engine::keys::{KeyKind, KeyRing, KeyText, Scope};
    use std::{future::Future, pin::pin, task::Context};

    fn caller() -> Caller {
        let ring = KeyRing::new([7; 32], []);
        let text = KeyText::from_random(KeyKind::Publishable, [1; 32]);
        ring.put(ring.record(&text, TenantId(1), "shop"));
        let gate = Gate::new(Arc::new(ring), Arc::new(|| UnixMillis(0)), Rates::default());
        let (parts, ()) = http::Request::new(()).into_parts();
        let key = Presented { text: text.reveal().to_owned(), place: Place::Query };
        gate.admit(&parts, &key, Scope::SignalsWrite).unwrap()
    }

    #[test]
    fn posts_of_a_session_have_their_turns_in_the_order_they_came() {
        let (calls, caller) = (Calls::default(), caller());
        let call = calls.of(&caller, "s1", UnixMillis(0));
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut first = pin!(call.turn());
        let mut second = pin!(call.turn());
        let mut third = pin!(call.turn());
        let std::task::Poll::Ready(Ok(turn)) = first.as_mut().poll(&mut context) else {
            panic!("nobody is before the first")
        };
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(turn);
        assert!(third.as_mut().poll(&mut context).is_pending(), "the second came before");
        let std::task::Poll::Ready(Ok(turn)) = second.as_mut().poll(&mut context) else {
            panic!("it is the turn of the second")
        };
        drop(turn);
        assert!(third.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn a_session_admits_its_posts_for_a_day_and_for_a_while_after_its_end() {
        let (calls, caller) = (Calls::default(), caller());
        let call = calls.of(&caller, "s1", UnixMillis(0));
        let admits =
            |session: &str, at: Millis| calls.caller_of(session, UnixMillis(0).plus(at)).is_some();
        assert!(admits("s1", Millis::from_hours(23)) && !admits("s1", Millis::from_hours(25)));
        assert!(!admits("s2", Millis(0)));
        call.note_end(UnixMillis(0));
        assert!(admits("s1", Millis::from_mins(9)) && !admits("s1", Millis::from_mins(11)));
    }

    #[test]
    fn memory_of_sessions_is_bounded() {
        let (calls, caller) = (Calls::default(), caller());
        for number in 0..CALLS_MAX + 10 {
            let now = UnixMillis(i64::try_from(number).unwrap());
            calls.of(&caller, &format!("s{number}"), now);
        }
        assert!(calls.lock().len() <= CALLS_MAX);
        let latest = format!("s{}", CALLS_MAX + 9);
        assert!(
            calls.caller_of(&latest, UnixMillis(0)).is_some(),
            "the oldest are forgotten first"
        );
    }
}
