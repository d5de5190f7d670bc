//! Asking where the slots are: in the background, and at most once a second.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::routes::Routes;
use super::slots::{Address, SlotMap};
use crate::budget::{self, has_timers};
use crate::error::Error;
use crate::sole_task::{SoleTask, TaskToken};
use crate::store::redis::link::Link;

/// How long one node may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// From one question to the next, and up to half as long again, so that processes do not ask together.
const PAUSE: Duration = Duration::from_secs(1);
/// While there is no map, nobody can do anything.
const PAUSE_WITHOUT_MAP: Duration = Duration::from_millis(250);
/// A refresh that has not ended by then is on a runtime that is not driven.
const SILENCE: Duration = Duration::from_secs(10);

/// Who asks, and when that was last.
pub(super) struct Refresher {
    task: SoleTask,
    last: Option<Instant>,
}

impl Default for Refresher {
    fn default() -> Self {
        Self { task: SoleTask::new(SILENCE), last: None }
    }
}

impl Routes {
    /// Has the slots asked for, unless somebody does.
    pub(super) fn refresh(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !has_timers() {
            return;
        }
        let mut refresher = self.refresher();
        let Some(token) = refresher.task.take() else { return };
        let pause = if self.links().is_empty() { PAUSE_WITHOUT_MAP } else { PAUSE };
        let pause = pause.mul_f64(fastrand::f64().mul_add(0.5, 1.0));
        let next = refresher.last.map(|last| last + pause);
        drop(refresher);
        let refreshing = Refreshing { routes: Arc::clone(self), token };
        runtime.spawn(async move {
            if let Some(next) = next {
                sleep_until(next).await;
            }
            refreshing.run().await;
        });
    }

    fn refresher(&self) -> MutexGuard<'_, Refresher> {
        // Nothing panics while it is held.
        self.refresher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks one node after the other until one answers: those that have slots in any order, then the others that were
    /// named, then the seeds.
    async fn learn(&self) -> Result<SlotMap, Error> {
        let mut links = self.links();
        fastrand::shuffle(&mut links);
        let mut failure = Error::unreachable();
        for (address, link) in links {
            match ask(&link, &address).await {
                Ok(map) => return Ok(map),
                Err(error) => failure = error,
            }
        }
        for address in self.others() {
            let asked = match self.scout(&address) {
                Ok(link) => ask(&link, &address).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(map) => return Ok(map),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

async fn ask(link: &Link, address: &Address) -> Result<SlotMap, Error> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let answer = budget::within(PATIENCE, link.send(&command)).await?;
    let map = SlotMap::read(&answer, address).ok_or_else(Error::protocol)?;
    if map.is_empty() {
        return Err(Error::unreachable_because("the cluster has given no slots to its nodes yet"));
    }
    Ok(map)
}

/// The one who asks. Gives its token back also when its runtime is shut down.
struct Refreshing {
    routes: Arc<Routes>,
    token: TaskToken,
}

impl Refreshing {
    async fn run(self) {
        self.routes.refresher().last = Some(Instant::now());
        match self.routes.learn().await {
            Ok(map) => self.routes.apply(&map),
            Err(error) => self.routes.failed(error),
        }
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.routes.refresher().task.give_back(self.token);
    }
}
