//! A restart, a checkpoint and a rewrite change nothing that can be seen.
use sessionary_core::{id::SessionId, identity::Identity, session::Session, signal::Signal};
use sessionary_engine::{Engine, SessionFilter, ShardConfig};

use crate::harness::{TENANT, config, minute, session, signal, start, submit};

fn all(engine: &Engine) -> Vec<Session> {
    let reader = engine.reader_blocking().unwrap();
    reader.sessions(TENANT, &SessionFilter::default(), 1_000, None).unwrap().entities
}

fn visits(n: usize) -> Vec<Signal> {
    (0..n)
        .map(|n| {
            // Badly out of order, over a few visitors, some of whom are known.
            let at = (n * 7_919) % 600;
            let mut signal =
                signal(&format!("s{n}"), "page_viewed", &minute(i64::try_from(at).unwrap()));
            signal.identities = vec![Identity::new("cookie", &format!("c{}", n % 7))];
            if n % 11 == 0 {
                signal.identities.push(Identity::new("user_id", &format!("u{}", n % 3)));
            }
            signal
        })
        .collect()
}

#[test]
fn a_restart_gives_back_every_session() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    for batch in visits(300).chunks(17) {
        submit(&engine, batch.to_vec());
    }
    let before = all(&engine);
    engine.shutdown();
    drop(engine);
    let engine = start(dir.path(), config());
    assert_eq!(all(&engine), before);
    engine.shutdown();
}

#[test]
fn checkpoints_and_evictions_do_not_change_the_fold() {
    let frequent = ShardConfig { hot_bytes: 8_000, checkpoint_signals: 20, ..config() };
    let fold = |config: ShardConfig| {
        let dir = tempfile::tempdir().unwrap();
        let engine = start(dir.path(), config);
        for batch in visits(300).chunks(17) {
            submit(&engine, batch.to_vec());
        }
        let sessions = all(&engine);
        engine.shutdown();
        let content = |session: Session| (session.envelope.id, session.content);
        sessions.into_iter().map(content).collect::<Vec<_>>()
    };
    assert_eq!(fold(config()), fold(frequent));
}

#[test]
fn signals_are_found_after_the_journal_is_rewritten_in_lane_order() {
    let dir = tempfile::tempdir().unwrap();
    let rewriting = ShardConfig {
        rewrite_beyond_bytes: 0,
        lake: true,
        checkpoint_signals: 50,
        hot_bytes: 8_000,
        ..config()
    };
    let engine = start(dir.path(), rewriting);
    let signals = visits(300);
    for batch in signals.chunks(17) {
        submit(&engine, batch.to_vec());
    }
    let rewritten = || engine.store().first_position(0) > 100;
    for _ in 0..500 {
        if rewritten() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(rewritten(), "most of the journal is rewritten");
    let reader = engine.reader_blocking().unwrap();
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let page = reader.signals(TENANT, 7, cursor).unwrap();
        listed.extend(page.entities.into_iter().map(|(_, arrival)| *arrival.signal));
        let Some(next) = page.next_cursor else { break };
        cursor = sessionary_engine::SignalCursor::parse(&next);
        assert!(cursor.is_some());
    }
    let sorted = |mut signals: Vec<Signal>| {
        signals.sort_by(|a, b| a.key.cmp(&b.key));
        signals
    };
    assert_eq!(sorted(listed), sorted(signals.clone()));
    for signal in signals.iter().step_by(23) {
        let (_, _, found) = reader.signal(TENANT, &signal.key).unwrap().unwrap();
        assert_eq!(*found.signal, *signal);
    }
    // A repeated signal is still recognised, and a late one still refolds its run.
    let again = submit(&engine, vec![signals[3].clone()]).verdicts[0];
    assert_eq!(again.status, sessionary_engine::VerdictStatus::Duplicate);
    engine.shutdown();
}

#[test]
fn a_session_reads_the_same_before_and_after_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let id: SessionId =
        submit(&engine, vec![signal("a", "page_viewed", &minute(0))]).verdicts[0].session;
    let hot = session(&engine, id);
    engine.shutdown();
    drop(engine);
    let engine = start(dir.path(), config());
    assert_eq!(session(&engine, id), hot);
    engine.shutdown();
}
