//! A reader of all entries at once, by a batch.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::{sleep, timeout};

use super::{Node, PATIENCE};
use crate::batch::{batch, by_return};
use crate::call::simulation::millis;
use crate::call::simulation::plan::KEYS;
use crate::call::simulation::value::Value;
use crate::call::simulation::world::World;
use crate::scope::refresh;

type Answer = Result<HashMap<usize, u64>, ()>;

impl Node {
    pub(super) async fn read_together(&self) {
        let asked: Vec<_> = {
            let own = self.floors.lock().expect("no panic");
            (0..KEYS).map(|key| self.world.ask_together(key, own.of(key))).collect()
        };
        let mut keys: Vec<usize> = (0..KEYS).collect();
        fastrand::shuffle(&mut keys);
        let batch = batch(keys, by_return::<Answer>(), |_, key| self.entry(*key));
        let batch = batch.max_batch(fastrand::usize(1..=KEYS));
        let world = Arc::clone(&self.world);
        let load = move |keys| load(Arc::clone(&world), keys);
        let call: Pin<Box<dyn Future<Output = Answer> + Send>> = match fastrand::bool() {
            true => Box::pin(batch.run_detachable(move || load)),
            false => Box::pin(batch.run(load)),
        };
        let patience = if fastrand::u32(..8) == 0 { millis(0..30) } else { PATIENCE };
        let answer = match fastrand::u32(..10) {
            0 => timeout(patience, refresh(call)).await,
            _ => timeout(patience, call).await,
        };
        match answer {
            Ok(Ok(values)) => {
                if values.len() < KEYS {
                    self.world.violated(format!("a batch has no value for each key: {values:?}"));
                }
                for (key, asked) in asked.into_iter().enumerate() {
                    if let Some(value) = values.get(&key) {
                        asked.answered(Value(*value));
                    }
                }
            }
            Err(_) if patience == PATIENCE => {
                self.world.violated("a batch did not end".to_owned());
            }
            // The load has failed, or the caller has gone.
            Ok(Err(())) | Err(_) => {}
        }
    }
}

/// Reads first and takes its time afterwards, as the load of one does.
async fn load(world: Arc<World>, keys: Vec<usize>) -> Answer {
    let versions = world.versions();
    let fails = world.is_failing() && fastrand::u32(..4) != 0;
    world.say(|| format!("keys {keys:?} are being loaded at versions {versions:?}"));
    sleep(millis(0..40)).await;
    if fails {
        world.say(|| format!("a load of keys {keys:?} fails"));
        keys.into_iter().for_each(|key| world.failed(key));
        return Err(());
    }
    Ok(keys.into_iter().map(|key| (key, world.value(versions[key]).0)).collect())
}
