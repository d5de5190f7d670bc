//! The source and the records of a run, as its nodes see them: in the process that keeps them, or over a socket to it.
//!
//! All times are those of one clock, that of the process which keeps the records.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};

use super::{History, Report, Source};

/// What a node can ask of its world.
#[derive(Clone, Debug)]
pub struct World(Where);

#[derive(Clone, Debug)]
enum Where {
    Here(Arc<Records>),
    There(Arc<Wire>),
}

#[derive(Debug)]
struct Records {
    source: Source,
    history: History,
    born: Instant,
}

/// Connections to the process that keeps the records: one for each question that is open at a time.
#[derive(Debug)]
struct Wire {
    port: u16,
    idle: Mutex<Vec<BufStream<TcpStream>>>,
}

/// What is known when a read begins.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// What the read must at least return.
    pub floor: u64,
    at: u64,
}

/// What a load gives.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    /// The version as it was when the load began.
    pub version: u64,
    /// When the load ended, in microseconds.
    pub at: u64,
}

// Questions are numbers: which one, and what about.
const BEGIN: u64 = 1;
const END: u64 = 2;
const LOAD: u64 = 3;
const WRITE: u64 = 4;
const WRITE_FENCED: u64 = 5;
const COMPLETED: u64 = 6;
const NOW: u64 = 7;

/// What lies between the end of a fence as the server counts it and as we do.
const FENCE_SLACK: Duration = Duration::from_millis(250);

impl World {
    /// Whose records are kept here.
    pub fn new(source: Source) -> Self {
        let history = History::new(source.keys());
        Self(Where::Here(Arc::new(Records { source, history, born: Instant::now() })))
    }

    /// Whose records are kept in the process that listens at `port`: see [`listen`](Self::listen).
    pub fn at(port: u16) -> Self {
        Self(Where::There(Arc::new(Wire { port, idle: Mutex::default() })))
    }

    /// Lets other processes in, on the port that is returned, for as long as the runtime lives.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub async fn listen(&self) -> io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let records = Arc::clone(self.records());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&records)));
            }
        });
        Ok(port)
    }

    /// A read of `key` begins.
    pub async fn begin(&self, key: usize) -> Beginning {
        self.begin_within(key, Duration::ZERO).await
    }

    /// The same of a reader that may be told of an invalidation so much later.
    pub async fn begin_within(&self, key: usize, bound: Duration) -> Beginning {
        let [floor, at] = self.ask(&[BEGIN, key as u64, micros(bound)]).await;
        Beginning { floor, at }
    }

    /// It has returned what this load gave, which may have been `bound` old when it began.
    pub async fn end(&self, key: usize, began: Beginning, loaded: Loaded, bound: Duration) {
        let Beginning { floor, at } = began;
        let age = at.saturating_sub(loaded.at);
        let [] = self.ask(&[END, key as u64, floor, loaded.version, age, micros(bound)]).await;
    }

    /// A load, as [`Source::load`].
    pub async fn load(&self, key: usize) -> Loaded {
        let [version, at] = self.ask(&[LOAD, key as u64]).await;
        Loaded { version, at }
    }

    /// A write: the key's new version.
    pub async fn write(&self, key: usize) -> u64 {
        let [version] = self.ask(&[WRITE, key as u64]).await;
        version
    }

    /// A write behind a fence of this life, which was planted after `since`. What it writes counts as invalidated when
    /// the fence has ended, even if nothing more is heard of the writer.
    pub async fn write_fenced(&self, key: usize, since: u64, life: Duration) -> u64 {
        let [version] = self.ask(&[WRITE_FENCED, key as u64, since, micros(life)]).await;
        version
    }

    /// The invalidation that followed the write of `version` has succeeded.
    pub async fn completed(&self, key: usize, version: u64) {
        let [] = self.ask(&[COMPLETED, key as u64, version]).await;
    }

    /// The time, in microseconds.
    pub async fn now(&self) -> u64 {
        let [now] = self.ask(&[NOW]).await;
        now
    }

    /// How many reads broke a promise so far.
    pub fn violations(&self) -> u64 {
        self.records().history.violations()
    }

    /// The totals.
    pub fn report(&self) -> Report {
        let Records { source, history, .. } = &**self.records();
        history.report(source)
    }

    fn records(&self) -> &Arc<Records> {
        match &self.0 {
            Where::Here(records) => records,
            Where::There(_) => panic!("the records are kept in another process"),
        }
    }

    async fn ask<const N: usize>(&self, question: &[u64]) -> [u64; N] {
        let answer = match &self.0 {
            Where::Here(records) => answer(records, question).await,
            Where::There(wire) => match wire.ask(question).await {
                Ok(answer) => answer,
                // The process that keeps the records has ended, and this one is its child.
                Err(_) => std::process::exit(0),
            },
        };
        answer.try_into().expect("as many numbers as were asked for")
    }
}

async fn answer(records: &Arc<Records>, question: &[u64]) -> Vec<u64> {
    let Records { source, history, .. } = &**records;
    match *question {
        [BEGIN, key, bound] => {
            // In this order: what has completed since makes the value younger.
            let at = records.now();
            vec![history.floor_within(key as usize, Duration::from_micros(bound)), at]
        }
        [END, key, floor, version, age, bound] => {
            history.observe(key as usize, floor, version);
            let (age, bound) = (Duration::from_micros(age), Duration::from_micros(bound));
            history.observe_age(key as usize, age, bound);
            Vec::new()
        }
        [LOAD, key] => vec![source.load(key as usize).await, records.now()],
        [WRITE, key] => vec![source.write(key as usize)],
        [WRITE_FENCED, key, since, life] => {
            let life = Duration::from_micros(life);
            let version = source.write(key as usize);
            // Else the fence may have ended before the write. With a wide margin, for a server that was stopped
            // counts its time from before.
            if records.now().saturating_sub(since) < micros(life / 3) {
                let records = Arc::clone(records);
                tokio::spawn(async move {
                    // It may have been renewed after the write.
                    tokio::time::sleep(2 * life + FENCE_SLACK).await;
                    records.history.unfenced(key as usize, version);
                });
            }
            vec![version]
        }
        [COMPLETED, key, version] => {
            history.completed(key as usize, version);
            Vec::new()
        }
        [NOW] => vec![records.now()],
        _ => panic!("not a question: {question:?}"),
    }
}

impl Records {
    fn now(&self) -> u64 {
        micros(self.born.elapsed())
    }
}

/// Answers one process until it is gone.
async fn serve(stream: TcpStream, records: Arc<Records>) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufStream::new(stream);
    let mut line = String::new();
    while matches!(stream.read_line(&mut line).await, Ok(1..)) {
        // A line without an end is of a process that was killed while it wrote.
        if !line.ends_with('\n') {
            return;
        }
        let answer = answer(&records, &numbers(&line)).await;
        line.clear();
        if send(&mut stream, &answer).await.is_err() {
            return;
        }
    }
}

impl Wire {
    async fn ask(&self, question: &[u64]) -> io::Result<Vec<u64>> {
        let idle = self.idle.lock().expect("no panic while it is held").pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                BufStream::new(stream)
            }
        };
        send(&mut stream, question).await?;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Not if this is dropped before: then the answer would be another question's.
        self.idle.lock().expect("no panic while it is held").push(stream);
        Ok(numbers(&line))
    }
}

async fn send(stream: &mut BufStream<TcpStream>, numbers: &[u64]) -> io::Result<()> {
    let mut line: String = numbers.iter().map(|number| format!("{number} ")).collect();
    line.push('\n');
    stream.write_all(line.as_bytes()).await?;
    stream.flush().await
}

fn numbers(line: &str) -> Vec<u64> {
    line.split_whitespace().map(|word| word.parse().expect("numbers only")).collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_process_sees_the_same_world() {
        let here = World::new(Source::instant(2));
        let there = World::at(here.listen().await.expect("a port"));
        assert_eq!(there.write(1).await, 1);
        there.completed(1, 1).await;
        let began = here.begin(1).await;
        assert_eq!(began.floor, 1);
        let loaded = there.load(1).await;
        assert_eq!(loaded.version, 1);
        there.end(1, began, Loaded { version: 0, at: began.at - 2 }, Duration::ZERO).await;
        let report = here.report();
        assert_eq!((report.reads, report.stale, report.old), (1, 1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fenced_write_counts_once_its_fence_has_ended() {
        let world = World::new(Source::instant(1));
        let life = Duration::from_secs(10);
        let version = world.write_fenced(0, world.now().await, life).await;
        assert_eq!(world.begin(0).await.floor, 0);
        tokio::time::sleep(3 * life).await;
        assert_eq!(world.begin(0).await.floor, version);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_came_late_may_have_outlived_its_fence() {
        let world = World::new(Source::instant(1));
        world.write_fenced(0, 0, Duration::ZERO).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(world.begin(0).await.floor, 0);
    }
}
