//! A little of every fault: the harness of `make faults` with few rounds.
//!
//! What a machine cannot do (mount, preload a library) is skipped with the reason.
use sessionary_faults::{
    plan::Plan,
    scenarios::{Outcome, Report, calls, damage, full, kill, parcels},
};

/// Few clients: the tests beside this one need the processor, too.
fn plan(rounds: u64) -> Plan {
    Plan {
        program: env!("CARGO_BIN_EXE_sessionary").into(),
        rounds: Some(rounds),
        seed: 1,
        clients: 4,
        seconds: 3_600,
        only: None,
        scratch: None,
    }
}

/// The report of a scenario that could be run.
fn ran(outcome: anyhow::Result<Outcome>) -> Option<Report> {
    match outcome.unwrap() {
        Outcome::Ran(report) => Some(report),
        Outcome::Skipped(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

fn check(outcome: anyhow::Result<Outcome>, rounds: u64) {
    let Some(report) = ran(outcome) else { return };
    assert!(report.verdict.is_good(), "{}: {:#?}", report.verdict, report.verdict.told);
    assert_eq!(report.rounds, rounds);
    assert!(report.verdict.acknowledged > 500, "there was load: {}", report.verdict);
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kills() {
    check(kill::run(&plan(20)), 20);
}

#[test]
fn a_failing_storage_call_loses_nothing() {
    check(calls::run(&plan(5)), 5);
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    check(full::run(&plan(2)), 2);
}

#[test]
fn nothing_damaged_is_served() {
    check(damage::run(&plan(30)), 30);
}

#[test]
fn no_parcel_is_lost_by_kills_nor_comes_twice_without_one() {
    let Some(report) = ran(parcels::run_with(&plan(4), 200)) else { return };
    assert!(report.verdict.is_good(), "{}: {:#?}", report.verdict, report.verdict.told);
    assert_eq!(report.rounds, 4);
    assert!(report.verdict.acknowledged > 200, "there was load: {}", report.verdict);
}
