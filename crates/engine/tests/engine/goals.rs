//! Outcomes and segments: a change of a definition is durable and in order, and so is what follows.
use sessionary_core::{
    goal::{
        Conditions, DEFINITIONS_MAX, Definition, GoalKind, Pattern, Progress, Standing, Stream,
    },
    time::UnixMillis,
};
use sessionary_engine::{
    Engine, EngineError, ShardConfig,
    catalogue::new_goal_id,
    entry::{Entry, GoalEntry},
};

use crate::checking::report;
use crate::harness::{TENANT, config, minute, session, signal, start, submit};

fn definition(count: u32) -> Definition {
    let pattern = Pattern {
        criteria: Vec::new(),
        count,
        stream: Stream::Web,
        session_type: "web".into(),
        event_name: Some("clicked".into()),
    };
    Definition {
        id: "clicks".into(),
        kind: GoalKind::Outcome,
        name: "Clicks".into(),
        description: None,
        active: true,
        version: 1,
        conditions_version: 1,
        created_at: UnixMillis(0),
        modified_at: UnixMillis(0),
        conditions: Conditions { journey: vec![pattern], context: Vec::new() },
        positive: true,
        value: None,
        expires_after_days: None,
        color: None,
        shown_to_agents: false,
        external: None,
    }
}

fn change(id: &str, was: u32, definition: Option<Definition>) -> Entry {
    Entry::Goal(Box::new(GoalEntry { tenant: TENANT, id: id.into(), was, definition }))
}

fn define(engine: &Engine, was: u32, definition: Option<Definition>) -> Result<(), EngineError> {
    engine.decide_blocking(change("clicks", was, definition))
}

/// The version of the definition, 0 where there is none.
fn version(engine: &Engine) -> u32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let catalogue = runtime.block_on(engine.goals(TENANT)).unwrap();
    catalogue.get("clicks").map_or(0, |known| known.version)
}

#[test]
fn of_two_changes_of_one_version_the_first_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    define(&engine, 0, Some(definition(1))).unwrap();
    assert!(matches!(define(&engine, 0, Some(definition(2))), Err(EngineError::Outdated)));
    define(&engine, 1, Some(definition(2))).unwrap();
    assert!(matches!(define(&engine, 1, Some(definition(3))), Err(EngineError::Outdated)));
    assert!(matches!(define(&engine, 1, None), Err(EngineError::Outdated)));
    assert_eq!(version(&engine), 2);
    define(&engine, 2, None).unwrap();
    assert_eq!(version(&engine), 0);
    engine.shutdown();
}

#[test]
fn of_many_changes_at_once_one_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    define(&engine, 0, Some(definition(1))).unwrap();
    let made: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| usize::from(define(&engine, 1, Some(definition(2))).is_ok())))
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!((made, version(&engine)), (1, 2));
    engine.shutdown();
}

#[test]
fn definitions_and_progress_outlive_a_restart_and_a_checkpoint() {
    for checkpoints in [1, 200_000] {
        let dir = tempfile::tempdir().unwrap();
        let config = ShardConfig { checkpoint_signals: checkpoints, ..config() };
        let engine = start(dir.path(), config.clone());
        define(&engine, 0, Some(definition(9))).unwrap();
        define(&engine, 1, Some(Definition { conditions_version: 2, ..definition(2) })).unwrap();
        let id = submit(&engine, vec![signal("a", "clicked", &minute(0))]).verdicts[0].session;
        let halfway = Progress { conditions_version: 2, complete: 0, matched: 1 };
        let standing = |engine: &Engine| session(engine, id).content.goals.get("clicks").cloned();
        assert_eq!(standing(&engine), Some(Standing::OnTheWay(halfway)));
        engine.shutdown();
        drop(engine);

        let engine = start(dir.path(), config.clone());
        assert_eq!(version(&engine), 2);
        submit(&engine, vec![signal("b", "clicked", &minute(1))]);
        let reached = standing(&engine);
        let Some(Standing::Reached(goal)) = &reached else { panic!("{reached:?}") };
        assert_eq!((&*goal.name, &*goal.signal), ("Clicks", "b"));
        define(&engine, 2, None).unwrap();
        engine.shutdown();
        drop(engine);

        let engine = start(dir.path(), config);
        assert_eq!((version(&engine), standing(&engine)), (0, reached));
        engine.shutdown();
        drop(engine);
        let report = report(dir.path());
        assert!(report.is_whole() && report.refolded == 1, "{report:?}");
    }
}

#[test]
fn a_definition_holds_for_what_comes_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let id = submit(&engine, vec![signal("a", "clicked", &minute(5))]).verdicts[0].session;
    define(&engine, 0, Some(definition(1))).unwrap();
    assert!(session(&engine, id).content.goals.is_empty());
    submit(&engine, vec![signal("b", "page_viewed", &minute(6))]);
    assert!(session(&engine, id).content.goals.is_empty());
    // A late signal folds the session again, under what is in force now.
    submit(&engine, vec![signal("c", "page_viewed", &minute(4))]);
    let goals = session(&engine, id).content.goals;
    assert!(
        matches!(goals.get("clicks"), Some(Standing::Reached(reached)) if &*reached.signal == "a")
    );
    engine.shutdown();
}

#[test]
fn another_tenants_sessions_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let entry = GoalEntry {
        tenant: sessionary_core::signal::TenantId(2),
        id: "clicks".into(),
        was: 0,
        definition: Some(definition(1)),
    };
    engine.decide_blocking(Entry::Goal(Box::new(entry))).unwrap();
    let id = submit(&engine, vec![signal("a", "clicked", &minute(0))]).verdicts[0].session;
    assert!(session(&engine, id).content.goals.is_empty());
    assert_eq!(version(&engine), 0);
    engine.shutdown();
}

#[test]
fn there_is_room_for_so_many_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let engine = start(dir.path(), config());
    let id = |n| format!("g{n}");
    std::thread::scope(|scope| {
        for threads in 0..8 {
            let engine = &engine;
            scope.spawn(move || {
                for n in (threads..DEFINITIONS_MAX).step_by(8) {
                    engine.decide_blocking(change(&id(n), 0, Some(definition(1)))).unwrap();
                }
            });
        }
    });
    let more = engine.decide_blocking(change(&new_goal_id(), 0, Some(definition(1))));
    assert!(matches!(more, Err(EngineError::Outdated)));
    engine.decide_blocking(change(&id(0), 1, None)).unwrap();
    engine.decide_blocking(change(&new_goal_id(), 0, Some(definition(1)))).unwrap();
    engine.shutdown();
}
