//! Where nodes have said that slots are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::ServerError;

use super::slots::{Address, redirect};

/// The slot has another owner.
pub(in crate::store::redis) const MOVED: &str = "MOVED";
/// The slot is on its way, and the key is there already, or nowhere.
pub(in crate::store::redis) const ASK: &str = "ASK";

/// What the links of a cluster have been told last. A step that fails so takes it from here, because errors name no
/// addresses.
#[derive(Default)]
pub(crate) struct Redirects(Mutex<Told>);

#[derive(Default)]
struct Told {
    moved: HashMap<u16, Address>,
    asked: HashMap<u16, Address>,
}

impl Redirects {
    /// A node has turned a command down.
    pub(super) fn note(&self, code: &str, details: &str, said_by: &Address) {
        if !matches!(code, MOVED | ASK) {
            return;
        }
        let Some((slot, address)) = redirect(details, said_by) else { return };
        let mut told = self.told();
        let places = if code == MOVED { &mut told.moved } else { &mut told.asked };
        places.insert(slot, address);
    }

    /// Where the slot has moved.
    pub(super) fn moved(&self, slot: u16) -> Option<Address> {
        self.told().moved.get(&slot).cloned()
    }

    /// Where to ask for keys of a slot that is on its way.
    pub(super) fn asked(&self, slot: u16) -> Option<Address> {
        self.told().asked.get(&slot).cloned()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a link does because its server is one of a cluster.
#[derive(Clone)]
pub(crate) struct Member {
    pub(super) address: Address,
    pub(super) redirects: Arc<Redirects>,
    /// What keys begin with that the node has: where reports of changes are tried out.
    pub(super) namespace: Arc<Mutex<String>>,
}

impl Member {
    pub(in crate::store::redis) fn refused(&self, error: &ServerError) {
        self.redirects.note(error.code(), error.details().unwrap_or_default(), &self.address);
    }

    /// What keys begin with that the node has.
    pub(in crate::store::redis) fn namespace(&self) -> String {
        self.namespace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_namespace(&self, namespace: &str) {
        namespace.clone_into(&mut self.namespace.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
