//! How long something took, without what the machine took away meanwhile.
//!
//! Tests hold calls to bounds of some 100 ms. A virtual machine that is paused for longer, or a process that gets no
//! core, breaks them without a fault in what is tested. A thread that does nothing but sleep notices: whatever it
//! oversleeps, nobody here could use. A call that hangs does not keep it from waking up.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(5);

/// Runs from [`start`](Self::start).
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    started: Instant,
    lost_before: Duration,
}

impl Stopwatch {
    /// Begins to measure.
    pub fn start() -> Self {
        let lost_before = Sleeper::lost();
        Self { started: Instant::now(), lost_before }
    }

    /// The time since the start in which this process could run.
    pub fn elapsed(&self) -> Duration {
        let elapsed = self.started.elapsed();
        elapsed.saturating_sub(Sleeper::lost() - self.lost_before)
    }
}

/// The thread that sleeps; one for the process.
struct Sleeper {
    /// When it lay down for the last time.
    asleep_since: Instant,
    overslept: Duration,
}

static SLEEPER: LazyLock<Mutex<Sleeper>> = LazyLock::new(|| {
    thread::spawn(|| {
        loop {
            thread::sleep(TICK);
            let mut sleeper = Sleeper::get();
            let late = sleeper.late();
            sleeper.overslept += late;
            sleeper.asleep_since = Instant::now();
        }
    });
    Mutex::new(Sleeper { asleep_since: Instant::now(), overslept: Duration::ZERO })
});

impl Sleeper {
    fn get() -> MutexGuard<'static, Self> {
        SLEEPER.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has overslept so far, including a sleep that should be over by now.
    fn lost() -> Duration {
        let sleeper = Self::get();
        sleeper.overslept + sleeper.late()
    }

    fn late(&self) -> Duration {
        self.asleep_since.elapsed().saturating_sub(TICK)
    }
}
