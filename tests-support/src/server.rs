//! A running server, and faults done to it.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::programs::Binary;
use crate::resp::{Address, Reply};
use crate::watchdog::Watched;
use crate::{poll, port};

const START_PATIENCE: Duration = Duration::from_secs(15);

/// A server on loopback without persistence. It ends when dropped, and when this process ends in whatever way.
#[derive(Debug)]
pub struct Server {
    label: String,
    url: String,
    address: Address,
    /// None for a server that the user runs.
    ours: Option<Ours>,
}

#[derive(Debug)]
struct Ours {
    binary: Binary,
    arguments: Vec<String>,
    process: Mutex<Watched>,
}

impl Server {
    /// Starts a server with further arguments, such as `["--maxmemory", "2mb"]`; it answers on return.
    pub fn start(binary: &Binary, arguments: &[&str]) -> Self {
        Self::start_at(binary, arguments, port::free)
    }

    /// Starts a server at a port of the caller's choice, which chooses again if another process was quicker.
    pub(crate) fn start_at(binary: &Binary, arguments: &[&str], choose: fn() -> u16) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let port = choose();
            match launch(binary, port, &arguments, deadline) {
                Ok(process) => {
                    return Self {
                        label: binary.label.clone(),
                        url: format!("redis://127.0.0.1:{port}"),
                        address: Address::local(port),
                        ours: Some(Ours {
                            binary: binary.clone(),
                            arguments,
                            process: Mutex::new(process),
                        }),
                    };
                }
                Err(Failure::PortTaken) => {}
                Err(Failure::Other(log)) => panic!("{} does not start:\n{log}", binary.label),
            }
        }
    }

    /// What is asked of it from now on is asked by the default user with this password.
    pub(crate) fn logged_in(mut self, password: Option<&str>) -> Self {
        self.address = self.address.with_password(password);
        self
    }

    pub(crate) fn existing(url: &str) -> Self {
        let address = Address::parse(url).unwrap_or_else(|| {
            panic!("CACHED_REDIS_TEST_URL must be redis://[user:password@]host[:port][/db], not {url:?}")
        });
        let label = "the server of CACHED_REDIS_TEST_URL".to_owned();
        let server = Self { label, url: url.to_owned(), address, ours: None };
        if let Err(error) = server.ask(&["PING"]) {
            panic!("{} does not answer: {error}", server.label);
        }
        server
    }

    /// The kind of server, such as `redis-6.2`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// `redis://127.0.0.1:…`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on; the same after [`restart`](Self::restart).
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// The server's own process, as long as it runs.
    pub fn pid(&self) -> u32 {
        self.with_process(|process| process.pid())
    }

    /// Kills the process with SIGKILL; it is gone on return.
    pub fn kill(&self) {
        self.signal("KILL");
    }

    /// Freezes the process with SIGSTOP: connections stay, and are even accepted, but nothing is answered.
    pub fn stop(&self) {
        self.signal("STOP");
        // A process that runs on another core stops a moment after the signal was sent.
        let stat = format!("/proc/{}/stat", self.pid());
        poll::until("the server is frozen", Duration::from_secs(5), || {
            // Where there is no /proc the moment has to be risked.
            std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") T "))
        });
    }

    /// Lets a frozen process go on.
    pub fn cont(&self) {
        self.signal("CONT");
    }

    /// Kills what runs and starts an empty server on the same port; it answers on return.
    pub fn restart(&self) {
        self.kill();
        let ours = self.ours();
        let deadline = Instant::now() + START_PATIENCE;
        let process = loop {
            match launch(&ours.binary, self.port(), &ours.arguments, deadline) {
                Ok(process) => break process,
                Err(Failure::PortTaken) if Instant::now() < deadline => {}
                Err(Failure::PortTaken) => panic!("port {} was taken meanwhile", self.port()),
                Err(Failure::Other(log)) => panic!("{} does not start again:\n{log}", self.label),
            }
        };
        *ours.process.lock().expect("no panic while it is held") = process;
    }

    /// Sends one command on a connection of its own. An error reply is an answer; `Err` is a server that is away.
    pub fn ask<A: AsRef<[u8]>>(&self, command: &[A]) -> io::Result<Reply> {
        self.address.ask(command)
    }

    /// Sends one command as `redis-cli` would; the server must be there. See [`Reply::text`].
    pub fn command<A: AsRef<[u8]>>(&self, command: &[A]) -> String {
        match self.ask(command) {
            Ok(reply) => reply.text(),
            Err(error) => panic!("{} does not answer: {error}", self.label),
        }
    }

    /// A field of `INFO`, such as `used_memory`.
    pub fn info(&self, field: &str) -> Option<String> {
        let text = self.command(&["INFO", "everything"]);
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(name, _)| *name == field).map(|(_, value)| value.to_owned()).next()
    }

    /// As the server reports it: `6.2.5`.
    pub fn version(&self) -> String {
        self.info("valkey_version").or_else(|| self.info("redis_version")).unwrap_or_default()
    }

    /// How often each command ran since the start or [`reset_commandstats`](Self::reset_commandstats), in lower case
    /// (`get`, `client|setinfo`), without those that this type sends. Only of use on a server of the test's own.
    pub fn commandstats(&self) -> BTreeMap<String, u64> {
        let text = self.command(&["INFO", "commandstats"]);
        let counts = text.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_lowercase(), rest.split(',').next()?.parse().ok()?))
        });
        let ours = ["info", "config", "config|resetstat"];
        counts.filter(|(name, calls)| !ours.contains(&name.as_str()) && *calls > 0).collect()
    }

    /// Begins to count anew.
    pub fn reset_commandstats(&self) {
        assert_eq!(self.command(&["CONFIG", "RESETSTAT"]), "OK");
    }

    fn signal(&self, signal: &str) {
        self.with_process(|process| process.signal(signal));
    }

    fn with_process<T>(&self, act: impl FnOnce(&Watched) -> T) -> T {
        act(&self.ours().process.lock().expect("no panic while it is held"))
    }

    fn ours(&self) -> &Ours {
        self.ours.as_ref().unwrap_or_else(|| panic!("{} is not ours to harm", self.label))
    }
}

enum Failure {
    PortTaken,
    Other(String),
}

fn launch(
    binary: &Binary,
    port: u16,
    arguments: &[String],
    deadline: Instant,
) -> Result<Watched, Failure> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir()
        .join(format!("cached-redis-test-{}-{port}-{number}", std::process::id()));
    let mut command = Command::new(&binary.program);
    if let Some(libraries) = &binary.libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--port", &port.to_string(), "--dir"])
        .arg(&folder)
        .args(arguments);
    let process = Watched::start(&command, folder);
    let address = Address::local(port);
    loop {
        if answers_as(&address, process.pid()) {
            return Ok(process);
        }
        let log = process.output();
        if log.contains("Address already in use") {
            return Err(Failure::PortTaken);
        }
        let refused = log.contains("FATAL CONFIG FILE");
        if refused || Instant::now() > deadline {
            return Err(Failure::Other(log));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this very process answers there, not another that was quicker to take the port.
fn answers_as(address: &Address, pid: u32) -> bool {
    match address.ask(&["INFO", "server"]) {
        Ok(Reply::Bulk(text)) => {
            let line = format!("process_id:{pid}");
            String::from_utf8_lossy(&text).lines().any(|found| found == line)
        }
        // Started with a password, or the like: it does answer.
        Ok(Reply::Error(error)) => error.starts_with("NO"),
        _ => false,
    }
}
