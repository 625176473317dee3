//! A request of one signal: on disk, and the session that it fell into.
use sessionary_core::{id::SessionId, signal::Signal};
use sessionary_engine::{SessionView, Submission, VerdictStatus};

use super::App;
use crate::{
    auth::Caller,
    problem::{Code, Problem},
};

/// Takes a signal in and gives the id of its session. The same again is as good as new.
///
/// # Errors
/// 409 for another signal of the same id; what the engine cannot do now.
pub(super) async fn take_in(
    app: &App,
    caller: &Caller,
    signal: Signal,
) -> Result<SessionId, Problem> {
    let (tenant, signals) = (caller.tenant(), vec![signal]);
    let submission = Submission { tenant, signals, received_at: None, quarantine: Vec::new() };
    let receipt = app.engine.submit(submission).await?;
    let verdict = receipt.verdicts.first().copied().ok_or(Code::Internal)?;
    if verdict.status == VerdictStatus::Conflict {
        let detail = format!("another signal with this id is in session {}", verdict.session);
        return Err(Code::SignalConflict.because(detail));
    }
    Ok(verdict.session)
}

/// The same, and gives the session as it then stands.
///
/// # Errors
/// As [`take_in`].
pub(super) async fn take_in_and_see(
    app: &App,
    caller: &Caller,
    signal: Signal,
) -> Result<SessionView, Problem> {
    let session = take_in(app, caller, signal).await?;
    Ok(app.engine.session(caller.tenant(), session).await?.ok_or(Code::Internal)?)
}
