//! The task that usually reads and writes a connection: it is woken when there is something to do.
//!
//! Under load it lets the other tasks that are ready run once before it writes, and what they send
//! meanwhile goes out in the same write: many commands written one by one cost a packet and a wake-up
//! of the server each.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::runtime::Handle;

use super::queue::Io;
use super::socket::Readiness;
use super::{Looked, Shared};
use crate::panics::guarded;

/// Starts a driver on the runtime of the caller, in the place of the one that there may be. Without a
/// runtime, or without one that has sockets, callers look for themselves.
pub(super) fn spawn(shared: &Arc<Shared>, io: &mut Io) {
    let Ok(runtime) = Handle::try_current() else { return };
    let Some(Ok(readiness)) = guarded(|| io.socket.readiness()) else { return };
    let is_gone = Arc::<AtomicBool>::default();
    let driver = Driver {
        shared: Arc::downgrade(shared),
        readiness,
        id: io.driver.next_id(),
        others_ran: false,
        _at_end: AtEnd(Arc::clone(&is_gone)),
    };
    io.driver.is_run_by(runtime.spawn(driver), is_gone);
}

struct AtEnd(Arc<AtomicBool>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

struct Driver {
    shared: Weak<Shared>,
    /// The socket again, which is only asked when it can be read and written.
    readiness: Readiness,
    id: u64,
    /// What is about to be written has waited for the others.
    others_ran: bool,
    _at_end: AtEnd,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(shared) = self.shared.upgrade() else { return Poll::Ready(()) };
        let mut io = shared.lock();
        if shared.is_over.load(Ordering::Acquire) || !io.driver.works(self.id, context.waker()) {
            return Poll::Ready(());
        }
        match self.read(&shared, &mut io, context) {
            Poll::Pending => self.write(&shared, &mut io, context),
            ended => ended,
        }
    }
}

impl Driver {
    /// Reads until there is no more; ready if this driver is of no more use.
    fn read(&self, shared: &Shared, io: &mut Io, context: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(ready) = self.readiness.poll_read_ready(context) {
            if ready.is_err() {
                // Its runtime is being shut down.
                return Poll::Ready(());
            }
            // Inside, so that what arrives meanwhile is not taken for what has been read.
            let looked = self.readiness.try_io(Interest::READABLE, || match shared.look(io) {
                Looked::Empty => Err(io::ErrorKind::WouldBlock.into()),
                more => Ok(more),
            });
            match looked {
                Ok(Looked::Over) => return Poll::Ready(()),
                Ok(_) => {
                    // Others may have the lock meanwhile.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(_) => {}
            }
        }
        Poll::Pending
    }

    /// Writes what waits; ready if this driver is of no more use.
    fn write(&mut self, shared: &Shared, io: &mut Io, context: &mut Context<'_>) -> Poll<()> {
        let gathers = io.is_busy && io.is_to_be_written() && !io.output.is_behind();
        if gathers && !std::mem::replace(&mut self.others_ran, true) {
            // A task that wakes itself goes to the end of the line.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.others_ran = false;
        while io.is_to_be_written() {
            match self.readiness.poll_write_ready(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
            }
            let flushed = self.readiness.try_io(Interest::WRITABLE, || {
                io.flush()?;
                if io.output.is_empty() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
            });
            if flushed.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
                shared.end(io);
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}
