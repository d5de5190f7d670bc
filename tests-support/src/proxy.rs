//! Faults between a client and a server: a TCP proxy whose behaviour is switched while connections are open.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::port;

/// What the proxy does with bytes and connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Connections are accepted, bytes of both directions vanish. One that has lost bytes stays dead afterwards.
    BlackHole,
    /// Open connections are closed, new ones are refused by the system.
    Refuse,
    /// Replies arrive this much later.
    Delay(Duration),
    /// Of the replies of each connection, so many bytes still arrive; what follows is held back until the next mode.
    Hold(usize),
    /// Replies on the connection that was accepted first are held back until the next mode.
    HoldFirst,
    /// Requests reach the server and are carried out; replies vanish, and the connection stays without any.
    DropReplies,
    /// Each request is answered with bytes that are no reply, and does not reach the server.
    Garbage,
}

const RUBBISH: &[u8] = b"\x16\x03\x01HTTP/1.1 418 {\"no\": redis}\r\n\xff\xfe*99999\r\n";

/// A TCP proxy on a free loopback port. Closed when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    orders: Option<mpsc::UnboundedSender<Order>>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Connections.
    accepted: AtomicU64,
    /// Bytes of requests that vanished.
    lost: AtomicU64,
    /// Times that bytes of requests arrived.
    arrivals: AtomicU64,
}

/// The new mode, or none to only cut; whether to cut; and where to say that it is done.
struct Order {
    mode: Option<Mode>,
    cut: bool,
    done: std::sync::mpsc::Sender<()>,
}

/// What open connections watch.
#[derive(Clone, Copy)]
struct State {
    mode: Mode,
    cuts: u64,
}

impl Proxy {
    /// In front of `127.0.0.1:target`, in [`Mode::Pass`]. The target need not be there yet.
    pub fn start(target: u16) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts::default());
        let (started, port) = std::sync::mpsc::channel();
        let its_counts = Arc::clone(&counts);
        // A thread and a runtime of its own: the test's may be paused, single-threaded, or busy on purpose.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(async {
                let (listener, port) = listen_anywhere().await;
                let _ = started.send(port);
                serve(listener, port, target, inbox, its_counts).await;
            });
        });
        let port = port.recv().expect("the proxy found a port");
        Self { port, orders: Some(orders), counts, thread: Some(thread) }
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:…` of the proxy.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Switches; in force on return, for open connections too.
    pub fn set(&self, mode: Mode) {
        self.order(Some(mode), mode == Mode::Refuse);
    }

    /// Closes the connections that are open now. New ones are treated as the mode says.
    pub fn cut(&self) {
        self.order(None, true);
    }

    /// How many connections there have been so far.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many bytes of requests have vanished so far.
    pub fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::SeqCst)
    }

    /// How often bytes of requests have arrived so far. A client that waits for each reply before it sends again, and
    /// whose requests are short, makes one arrival with each round trip.
    pub fn arrivals(&self) -> u64 {
        self.counts.arrivals.load(Ordering::SeqCst)
    }

    fn order(&self, mode: Option<Mode>, cut: bool) {
        let (done, wait) = std::sync::mpsc::channel();
        let orders = self.orders.as_ref().expect("there until drop");
        assert!(orders.send(Order { mode, cut, done }).is_ok(), "the proxy lives until drop");
        wait.recv().expect("the proxy lives until drop");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn listen_anywhere() -> (TcpListener, u16) {
    for _ in 0..100 {
        let port = port::free();
        if let Ok(listener) = listen(port).await {
            return (listener, port);
        }
    }
    panic!("every port that was free a moment ago is taken");
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

/// Accepts and obeys until the proxy is dropped; then everything ends with the runtime.
async fn serve(
    listener: TcpListener,
    port: u16,
    target: u16,
    mut orders: mpsc::UnboundedReceiver<Order>,
    counts: Arc<Counts>,
) {
    let (state, _) = watch::channel(State { mode: Mode::Pass, cuts: 0 });
    let mut listener = Some(listener);
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => {
                let Some(order) = order else { return };
                state.send_modify(|state| {
                    state.mode = order.mode.unwrap_or(state.mode);
                    state.cuts += u64::from(order.cut);
                });
                if state.borrow().mode == Mode::Refuse {
                    listener = None;
                } else if listener.is_none() {
                    listener = Some(listen(port).await.expect("the proxy's port is still free"));
                }
                // The connections take notice before the order is called done.
                tokio::task::yield_now().await;
                let _ = order.done.send(());
            }
            connection = accept(listener.as_ref()) => {
                let is_first = counts.accepted.fetch_add(1, Ordering::SeqCst) == 0;
                tokio::spawn(carry(connection, target, state.subscribe(), is_first, Arc::clone(&counts)));
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => loop {
            if let Ok((connection, _)) = listener.accept().await {
                return connection;
            }
        },
        None => std::future::pending().await,
    }
}

/// One connection, until either side closes it or it is cut.
async fn carry(
    client: TcpStream,
    target: u16,
    state: watch::Receiver<State>,
    is_first: bool,
    counts: Arc<Counts>,
) {
    let mut cut = state.clone();
    let born = cut.borrow().cuts;
    tokio::select! {
        biased;
        _ = cut.wait_for(|state| state.cuts != born) => {}
        () = talk(client, target, state, is_first, &counts) => {}
    }
}

async fn talk(
    client: TcpStream,
    target: u16,
    state: watch::Receiver<State>,
    is_first: bool,
    counts: &Counts,
) {
    let _ = client.set_nodelay(true);
    let (mut requests, mut to_client) = client.into_split();
    // A server that is away must look so, except behind a black hole or rubbish.
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await.ok();
    let Some(server) = server else {
        let mut lost = vec![0; 1024];
        while matches!(state.borrow().mode, Mode::BlackHole | Mode::Garbage)
            && requests.read(&mut lost).await.is_ok_and(|n| n > 0)
        {}
        return;
    };
    let _ = server.set_nodelay(true);
    let (replies, mut to_server) = server.into_split();
    let (outbox, inbox) = mpsc::unbounded_channel();
    tokio::select! {
        () = forward_requests(&mut requests, &mut to_server, &outbox, &state, counts) => {}
        () = forward_replies(replies, &outbox, state.clone(), is_first) => {}
        () = deliver(inbox, &mut to_client) => {}
    }
}

/// Bytes for the client, and when they may arrive.
type Outbox = mpsc::UnboundedSender<(Instant, Vec<u8>)>;

async fn forward_requests(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    outbox: &Outbox,
    state: &watch::Receiver<State>,
    counts: &Counts,
) {
    let mut bytes = vec![0; 64 * 1024];
    let mut dead = false;
    while let Some(n) = received(from.read(&mut bytes).await) {
        counts.arrivals.fetch_add(1, Ordering::SeqCst);
        let mode = state.borrow().mode;
        dead |= mode == Mode::BlackHole;
        if dead {
            counts.lost.fetch_add(n as u64, Ordering::SeqCst);
        }
        if mode == Mode::Garbage {
            let _ = outbox.send((Instant::now(), RUBBISH.to_vec()));
        } else if !dead && to.write_all(&bytes[..n]).await.is_err() {
            return;
        }
    }
}

async fn forward_replies(
    mut from: OwnedReadHalf,
    outbox: &Outbox,
    mut state: watch::Receiver<State>,
    is_first: bool,
) {
    let mut bytes = vec![0; 64 * 1024];
    let mut dead = false;
    let mut passed = 0;
    while let Some(n) = received(from.read(&mut bytes).await) {
        let mode = state.borrow().mode;
        // A stream of replies with a hole in it would answer the wrong questions: it stays silent.
        dead |= matches!(mode, Mode::BlackHole | Mode::DropReplies);
        let wait = if let Mode::Delay(time) = mode { time } else { Duration::ZERO };
        let from = match mode {
            Mode::Hold(most) => n.min(most.saturating_sub(passed)),
            Mode::HoldFirst if is_first => 0,
            _ => n,
        };
        passed = if matches!(mode, Mode::Hold(_)) { passed + from } else { 0 };
        if !dead {
            let _ = outbox.send((Instant::now() + wait, bytes[..from].to_vec()));
        }
        if from < n && state.wait_for(|state| state.mode != mode).await.is_err() {
            return;
        }
        if !dead && from < n {
            let _ = outbox.send((Instant::now(), bytes[from..n].to_vec()));
        }
    }
}

async fn deliver(mut inbox: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>, to: &mut OwnedWriteHalf) {
    while let Some((when, bytes)) = inbox.recv().await {
        // Only where asked for: the timer's grain of a millisecond would show.
        if when > Instant::now() {
            tokio::time::sleep_until(when).await;
        }
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn received(read: std::io::Result<usize>) -> Option<usize> {
    read.ok().filter(|&n| n > 0)
}
