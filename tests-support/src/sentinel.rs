//! A primary with replicas and the sentinels that watch over them, and faults done to them.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::programs::Binary;
use crate::resp::Address;
use crate::server::Server;
use crate::watchdog::Watched;
use crate::{poll, port};

/// The name of the primary.
pub const NAME: &str = "shop";

const SENTINELS: usize = 3;
const REPLICAS: usize = 2;
/// How many sentinels must find the primary gone.
const QUORUM: usize = 2;
const PATIENCE: Duration = Duration::from_secs(30);

/// One primary, two replicas and three sentinels on loopback. They end when dropped, and when this process ends in
/// whatever way.
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<Server>,
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    address: Address,
    _process: Watched,
}

/// Passwords: of the servers, and of the sentinels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passwords<'a> {
    /// What clients of the primary log in with, and the sentinels too.
    pub servers: Option<&'a str>,
    /// What clients of the sentinels log in with.
    pub sentinels: Option<&'a str>,
}

impl Sentinels {
    /// Starts them; the replicas are in step and all sentinels know each other on return. Server 0 is the primary.
    pub fn start(binary: &Binary) -> Self {
        Self::start_with(binary, Passwords::default())
    }

    /// The same with passwords.
    pub fn start_with(binary: &Binary, passwords: Passwords<'_>) -> Self {
        let mut arguments = vec!["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"];
        if let Some(password) = passwords.servers {
            arguments.extend(["--requirepass", password, "--masterauth", password]);
        }
        let servers: Vec<_> = (0..=REPLICAS)
            .map(|_| Server::start(binary, &arguments).logged_in(passwords.servers))
            .collect();
        let port = servers[0].port();
        for replica in &servers[1..] {
            assert_eq!(replica.command(&["REPLICAOF", "127.0.0.1", &port.to_string()]), "OK");
        }
        poll::until("the replicas are in step", PATIENCE, || {
            servers[1..]
                .iter()
                .all(|replica| replica.info("master_link_status").as_deref() == Some("up"))
        });
        let sentinels = (0..SENTINELS).map(|_| Sentinel::start(binary, port, passwords)).collect();
        let all = Self { servers, sentinels };
        poll::until("the sentinels know each other and the replicas", PATIENCE, || {
            all.sentinels.iter().all(|sentinel| {
                sentinel.field("num-other-sentinels") == Some((SENTINELS - 1).to_string())
                    && sentinel.field("num-slaves") == Some(REPLICAS.to_string())
            })
        });
        all
    }

    /// `redis://127.0.0.1:…` of each sentinel, without a login.
    pub fn urls(&self) -> Vec<String> {
        let url = |sentinel: &Sentinel| format!("redis://127.0.0.1:{}", sentinel.address.port);
        self.sentinels.iter().map(url).collect()
    }

    /// `127.0.0.1:…,127.0.0.1:…,127.0.0.1:…`, as in an URL of all of them.
    pub fn hosts(&self) -> String {
        let host = |sentinel: &Sentinel| format!("127.0.0.1:{}", sentinel.address.port);
        self.sentinels.iter().map(host).collect::<Vec<_>>().join(",")
    }

    /// A server, to ask it something or to harm it.
    pub fn server(&self, index: usize) -> &Server {
        &self.servers[index]
    }

    /// The server that most sentinels take for the primary.
    pub fn primary(&self) -> usize {
        let named: Vec<_> = self.sentinels.iter().filter_map(|s| self.named_by(s)).collect();
        let votes = |index: &usize| named.iter().filter(|other| *other == index).count();
        named.iter().copied().max_by_key(votes).expect("a sentinel names a primary")
    }

    /// Waits until all sentinels name another primary than this one, and it is one; which.
    pub fn until_failed_over(&self, from: usize) -> usize {
        let mut to = from;
        poll::until("the sentinels name another primary", PATIENCE, || {
            let mut named = self.sentinels.iter().map(|s| self.named_by(s));
            to = named.next().flatten().unwrap_or(from);
            to != from && named.all(|other| other == Some(to))
        });
        poll::until("it is a primary", PATIENCE, || {
            self.servers[to].command(&["ROLE"]).starts_with("master")
        });
        to
    }

    /// Has the sentinels choose another primary, though nothing is wrong with this one.
    pub fn fail_over(&self) {
        // A replica may just be out of step.
        poll::until("a failover begins", PATIENCE, || {
            let answer = self.sentinels[0].ask(&["SENTINEL", "FAILOVER", NAME]);
            answer.as_deref() == Some("OK")
        });
    }

    /// Has all sentinels take a server for a primary, whatever it is, under another name.
    pub fn monitor(&self, name: &str, server: usize) {
        let port = self.servers[server].port().to_string();
        for sentinel in &self.sentinels {
            let monitor = ["SENTINEL", "MONITOR", name, "127.0.0.1", &port, "2"];
            assert_eq!(sentinel.ask(&monitor).as_deref(), Some("OK"));
        }
    }

    /// How many clients are subscribed to what the sentinels report.
    pub fn subscribers(&self) -> usize {
        let lists = self.sentinels.iter().filter_map(|s| s.ask(&["CLIENT", "LIST"]));
        lists.map(|list| list.lines().filter(|client| client.contains(" sub=1 ")).count()).sum()
    }

    fn named_by(&self, sentinel: &Sentinel) -> Option<usize> {
        let answer = sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME])?;
        let port: u16 = answer.lines().nth(1)?.parse().ok()?;
        self.servers.iter().position(|server| server.port() == port)
    }
}

impl Sentinel {
    fn start(binary: &Binary, primary: u16, passwords: Passwords<'_>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir()
            .join(format!("cached-redis-test-sentinel-{}-{number}", std::process::id()));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let port = port::free();
            // A sentinel writes what it learns into its configuration.
            let path = folder.with_extension("conf");
            fs::write(&path, configuration(port, primary, passwords)).expect("a writable folder");
            let mut command = Command::new("sh");
            command.args([
                "-c",
                r#"mv "$1" "$2/sentinel.conf" && exec "$3" "$2/sentinel.conf" --sentinel"#,
                "sh",
            ]);
            command.arg(&path).arg(&folder).arg(&binary.program);
            if let Some(libraries) = &binary.libraries {
                command.env("LD_LIBRARY_PATH", libraries);
            }
            let process = Watched::start(&command, folder.clone());
            let address = Address::local(port).with_password(passwords.sentinels);
            while Instant::now() < deadline && !process.output().contains("Address already in use")
            {
                if address.ask(&["PING"]).is_ok() {
                    return Self { address, _process: process };
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(Instant::now() < deadline, "a sentinel does not start:\n{}", process.output());
        }
    }

    fn ask(&self, command: &[&str]) -> Option<String> {
        self.address.ask(command).ok().map(|reply| reply.text())
    }

    /// A field of what it knows of the primary.
    fn field(&self, name: &str) -> Option<String> {
        let answer = self.ask(&["SENTINEL", "MASTER", NAME])?;
        let mut lines = answer.lines();
        lines.find(|line| *line == name)?;
        lines.next().map(str::to_owned)
    }
}

fn configuration(port: u16, primary: u16, passwords: Passwords<'_>) -> String {
    let mut text = format!(
        "port {port}\nbind 127.0.0.1\nprotected-mode no\n\
         sentinel monitor {NAME} 127.0.0.1 {primary} {QUORUM}\n\
         sentinel down-after-milliseconds {NAME} 1000\n\
         sentinel failover-timeout {NAME} 3000\n"
    );
    if let Some(password) = passwords.servers {
        text.push_str(&format!("sentinel auth-pass {NAME} {password}\n"));
    }
    if let Some(password) = passwords.sentinels {
        text.push_str(&format!("requirepass {password}\nsentinel sentinel-pass {password}\n"));
    }
    text
}
