//! The engine in this process: groups are decoded and submitted by two threads in turn, so that one
//! decodes while the other waits for its sync.
use std::{
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
};

use anyhow::{Context, ensure};
use sessionary_engine::{Engine, Submission, VerdictStatus};

use super::{
    Work,
    fold::{TENANT, decoded},
};
use crate::{bench::stream::Group, config, directory};

/// An engine and the two that submit to it.
pub(super) struct Submit {
    engine: Engine,
    pairs: Vec<Submitter>,
    turn: usize,
}

/// A thread that submits one group after the other.
struct Submitter {
    groups: Option<SyncSender<Group>>,
    done: Receiver<anyhow::Result<()>>,
    pending: usize,
    thread: Option<JoinHandle<()>>,
}

impl Submit {
    pub(super) fn open(dir: &Path) -> anyhow::Result<Submit> {
        let config = config::load(None)?;
        let (store, registry) = directory::open(dir, &config)?;
        let engine = directory::start(store, &registry, &config, config.rules())?;
        let pairs = (0..2).map(|_| Submitter::start(&engine)).collect::<anyhow::Result<_>>()?;
        Ok(Submit { engine, pairs, turn: 0 })
    }
}

impl Work for Submit {
    fn take(&mut self, group: &Group) -> anyhow::Result<()> {
        self.turn += 1;
        let at = self.turn % self.pairs.len().max(1);
        let submitter = self.pairs.get_mut(at).context("there are two submitters")?;
        submitter.wait()?;
        let group = Group { body: group.body.clone(), spans: group.spans.clone() };
        let groups = submitter.groups.as_ref().context("the submitter has ended")?;
        groups.send(group).ok().context("the submitter has ended")?;
        submitter.pending += 1;
        Ok(())
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        self.pairs.iter_mut().try_for_each(Submitter::wait)
    }
}

impl Drop for Submit {
    fn drop(&mut self) {
        self.pairs.clear();
        self.engine.shutdown();
    }
}

impl Submitter {
    fn start(engine: &Engine) -> anyhow::Result<Submitter> {
        let (groups, taken) = sync_channel::<Group>(1);
        let (tell, done) = sync_channel(1);
        let engine = engine.clone();
        let work = move || {
            for group in taken {
                if tell.send(submit(&engine, &group)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("submitter".to_owned()).spawn(work)?;
        Ok(Submitter { groups: Some(groups), done, pending: 0, thread: Some(thread) })
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        while self.pending > 0 {
            self.done.recv().context("the submitter has ended")??;
            self.pending -= 1;
        }
        Ok(())
    }
}

impl Drop for Submitter {
    fn drop(&mut self) {
        let _ = self.wait();
        self.groups = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn submit(engine: &Engine, group: &Group) -> anyhow::Result<()> {
    let signals = decoded(group)?;
    let submission =
        Submission { tenant: TENANT, signals, received_at: None, quarantine: Vec::new() };
    let receipt = engine.submit_blocking(submission)?;
    let is_new = |status| status == VerdictStatus::Accepted;
    let accepted = receipt.verdicts.iter().filter(|verdict| is_new(verdict.status)).count();
    ensure!(accepted == group.spans.len(), "{accepted} of {} signals accepted", group.spans.len());
    Ok(())
}
