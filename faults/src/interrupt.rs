//! Ctrl-C and SIGTERM: loops end at their next turn, so that everything mounted is unmounted.
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Heeds the two signals from now on, in a thread of its own.
pub fn heed() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            INTERRUPTED.store(true, Ordering::Relaxed);
        });
    });
}

/// Whether the run is to end.
pub fn came() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// An error once the run is to end.
///
/// # Errors
/// The run was interrupted.
pub fn check() -> anyhow::Result<()> {
    anyhow::ensure!(!came(), "interrupted");
    Ok(())
}
