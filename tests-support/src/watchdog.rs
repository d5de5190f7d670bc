//! Child processes that end with us, however we end.
//!
//! Statics are never dropped and a killed process drops nothing, so a small shell stands between: it starts the
//! program and reads our orders from a pipe. The pipe closes when this process is gone, and then the program is killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// `$1` is the program's folder, which gets its output and is removed at the end; the rest is its command line. Each line read is a signal to send.
/// Nothing but the end of the pipe ends the loop: not the terminal's Ctrl-C, which the program may survive.
const SCRIPT: &str = r#"
trap '' INT TERM HUP PIPE
folder=$1; shift
"$@" >"$folder/output" 2>&1 </dev/null &
pid=$!
echo $pid
while read -r signal; do
    kill -s "$signal" $pid 2>/dev/null
    # Gone, and its number free for others: no signal for that one.
    [ "$signal" = KILL ] && { wait $pid 2>/dev/null; pid=; }
    echo done
done
kill -s KILL $pid 2>/dev/null
wait $pid 2>/dev/null
rm -rf "$folder"
"#;

/// A program that dies with us.
#[derive(Debug)]
pub(crate) struct Watched {
    shell: Child,
    pipe: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    pid: u32,
    folder: PathBuf,
}

impl Watched {
    pub(crate) fn start(program: &Command, folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).expect("the temporary directory is writable");
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "sh"]).arg(&folder);
        shell.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        // A group of its own: what kills the group of the tests must leave the shell alive to do its work.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().expect("sh runs");
        let orders = shell.stdin.take().expect("piped above");
        let mut answers = BufReader::new(shell.stdout.take().expect("piped above"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("the shell is alive");
        let pid = line.trim().parse().expect("the shell says the pid of what it started");
        Self { shell, pipe: Mutex::new(Some((orders, answers))), pid, folder }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What the program has written so far.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.folder.join("output")).unwrap_or_default()
    }

    /// Sends a signal, such as `STOP`. After `KILL` the process is gone.
    pub(crate) fn signal(&self, signal: &str) {
        let mut pipe = self.pipe.lock().expect("no panic while it is held");
        let (orders, answers) = pipe.as_mut().expect("there until drop");
        writeln!(orders, "{signal}").expect("the shell is alive");
        let mut line = String::new();
        answers.read_line(&mut line).expect("the shell is alive");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A panic elsewhere must not become a second one here, which would abort.
        if let Ok(mut pipe) = self.pipe.lock() {
            pipe.take();
        }
        let _ = self.shell.wait();
    }
}
