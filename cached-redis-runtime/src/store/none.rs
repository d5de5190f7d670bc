//! The store of a cache that there is not: nothing is found, nothing is stored, and there is nothing to
//! remove.

use std::future::ready;
use std::time::Duration;

use crate::error::Error;
use crate::group::{Group, Groups, Stamps};
use crate::lease::{Acquire, Acquired, FenceId, Filled, LeaseId, Life, Nonce};
use crate::store::{Found, Operation, Store};

#[derive(Debug)]
pub(crate) struct NoStore;

fn done<'a, T: Send + 'a>(answer: T) -> Operation<'a, T> {
    Box::pin(ready(Ok(answer)))
}

impl Store for NoStore {
    fn read<'a>(&'a self, _: &'a str, _: &'a Groups) -> Operation<'a, Option<Found>> {
        done(None)
    }

    fn stamp<'a>(
        &'a self,
        _: &'a str,
        _: &'a [Group],
        _: Duration,
    ) -> Operation<'a, Option<Stamps>> {
        done(None)
    }

    fn is_current<'a>(&'a self, _: &'a str, _: &'a [u8]) -> Operation<'a, bool> {
        done(false)
    }

    fn acquire<'a>(&'a self, _: &'a str, _: Acquire<'a>) -> Operation<'a, Acquired> {
        done(Acquired::NoStore)
    }

    fn fill<'a>(&'a self, _: &'a str, _: LeaseId, _: &'a [u8], _: Life) -> Operation<'a, Filled> {
        done(Filled::Lost)
    }

    fn keep<'a>(&'a self, _: &'a str, _: LeaseId, _: Life) -> Operation<'a, Filled> {
        done(Filled::Lost)
    }

    fn renew<'a>(&'a self, _: &'a str, _: LeaseId, _: Duration) -> Operation<'a, bool> {
        done(false)
    }

    fn release<'a>(&'a self, _: &'a str, _: Nonce, _: Duration) -> Operation<'a, ()> {
        done(())
    }

    fn touch<'a>(&'a self, _: &'a str, _: LeaseId, _: Duration) -> Operation<'a, ()> {
        done(())
    }

    fn delete<'a>(&'a self, _: &'a [String]) -> Operation<'a, ()> {
        done(())
    }

    fn delete_each<'a>(
        &'a self,
        targets: &'a [Vec<String>],
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        done(targets.iter().map(|_| Ok(())).collect())
    }

    fn hold<'a>(&'a self, _: &'a [String], _: FenceId, _: Duration) -> Operation<'a, ()> {
        done(())
    }

    fn lift<'a>(&'a self, _: &'a [String], _: FenceId) -> Operation<'a, ()> {
        done(())
    }

    fn mark_stale<'a>(&'a self, _: &'a str) -> Operation<'a, bool> {
        done(false)
    }

    fn ttl<'a>(&'a self, _: &'a str) -> Operation<'a, Option<Duration>> {
        done(None)
    }

    fn now(&self, _: &str) -> Option<u64> {
        None
    }

    fn ask_time<'a>(&'a self, _: &'a str) -> Operation<'a, u64> {
        Box::pin(ready(Err(Error::unreachable())))
    }

    fn is_there(&self) -> bool {
        false
    }
}
