//! The test binary again, as another application process that talks in lines.
//!
//! ```no_run
//! use cached_redis_test_support::process::{self, Child};
//!
//! // In a test named `two_processes`:
//! if let Some(arguments) = process::role("writer") {
//!     process::say("ready");
//!     while let Some(order) = process::hear() { /* … */ }
//!     return;
//! }
//! let mut writer = Child::spawn_self("writer", "two_processes", &["redis://…"]);
//! assert_eq!(writer.line(), "ready");
//! ```

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const ROLE: &str = "CACHED_REDIS_TEST_ROLE";
const ARGUMENTS: &str = "CACHED_REDIS_TEST_ARGUMENTS";
/// Begins the lines that are meant for the parent, among those that the test harness prints.
const MARK: &str = "@ ";
const SEPARATOR: char = '\u{1f}';
const PATIENCE: Duration = Duration::from_secs(60);

/// In the child that was spawned with this role: its arguments.
pub fn role(name: &str) -> Option<Vec<String>> {
    (env::var(ROLE).ok()? == name).then(|| {
        let arguments = env::var(ARGUMENTS).unwrap_or_default();
        arguments.split(SEPARATOR).filter(|a| !a.is_empty()).map(str::to_owned).collect()
    })
}

/// In the child: says a line to the parent.
pub fn say(line: &str) {
    // Not `println!`, which the harness may capture. A parent that is gone is noticed by `hear`.
    // The newline first: the harness leaves its own line open.
    let _ = writeln!(std::io::stdout(), "\n{MARK}{line}");
}

/// In the child: the parent's next line; none when the parent is gone or has nothing more to say.
pub fn hear() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

/// In the child: ends it when the parent is gone, for roles that do not listen.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        while hear().is_some() {}
        std::process::exit(0);
    });
}

/// A child process; killed when dropped.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    orders: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Child {
    /// Runs this test binary again, with only `test`, which asks for its [`role`] first.
    pub fn spawn_self(name: &str, test: &str, arguments: &[&str]) -> Self {
        let me = env::current_exe().expect("a running program has a path");
        let mut command = Command::new(me);
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, name).env(ARGUMENTS, arguments.join(&SEPARATOR.to_string()));
        Self::spawn(command)
    }

    /// Runs any command, such as an example; it talks by lines that begin with `@ `.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        let output = BufReader::new(process.stdout.take().expect("piped above"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(line) = line.strip_prefix(MARK) {
                    let _ = sender.send(line.to_owned());
                }
            }
        });
        Self { orders: process.stdin.take(), process, lines }
    }

    /// The next line the child says. Fails the test when the child ends or stays silent for a minute.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(why) => panic!("the child says nothing: {why} ({:?})", self.process.try_wait()),
        }
    }

    /// Says a line to the child.
    pub fn send(&mut self, line: &str) {
        let orders = self.orders.as_mut().expect("not finished yet");
        writeln!(orders, "{line}").expect("the child listens");
    }

    /// Has nothing more to say, waits for the end, and returns whether it was a success.
    pub fn finish(mut self) -> bool {
        self.orders.take();
        self.process.wait().expect("a child can be waited for").success()
    }

    /// Kills it with SIGKILL; it is gone on return.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Freezes it for a while. It goes on as if nothing had been.
    pub fn pause(&self, pause: Duration) {
        let signal = |name: &str| {
            let _ = Command::new("kill").arg(name).arg(self.id().to_string()).status();
        };
        signal("-STOP");
        std::thread::sleep(pause);
        signal("-CONT");
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// The child's process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
