//! Rules that this project's tests can switch off, to show that they would notice. Without the
//! feature for it, none is.

use crate::cache::Core;
use crate::error::Error;
use crate::lease::{Filled, LeaseId, Life};

/// A rule without which some reader gets what it must not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "unfenced-for-tests"),
    expect(unreachable_pub, reason = "only exported with the feature")
)]
pub enum Rule {
    /// FILL stores under its own lease only. Without: as every cache that does not fence.
    Fence,
    /// A value whose stamps are not the current generations of its groups counts no more.
    Stamps,
    /// A value is not stored if the class of one of its tags has changed since before its load.
    Class,
    /// While a guard stands, nothing can be stored. Without: none is planted.
    Guard,
    /// What a write has made of an entry is stored only if nothing came between. Without: a blind
    /// SET.
    Update,
}

/// The rules that do not hold in one cache.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    #[cfg(feature = "unfenced-for-tests")]
    rules: std::sync::atomic::AtomicU8,
}

impl Broken {
    /// Whether a rule does not hold.
    #[cfg(feature = "unfenced-for-tests")]
    pub(crate) fn is(&self, rule: Rule) -> bool {
        self.rules.load(std::sync::atomic::Ordering::Relaxed) & rule.bit() != 0
    }

    /// Every rule holds.
    #[cfg(not(feature = "unfenced-for-tests"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(crate) const fn is(&self, _: Rule) -> bool {
        false
    }
}

impl Core {
    /// FILL, unless this rule does not hold.
    pub(crate) async fn fill(
        &self,
        rule: Rule,
        key: &str,
        lease: LeaseId,
        record: &[u8],
        life: Life,
    ) -> Result<Filled, Error> {
        let mut session = self.sessions.begin();
        #[cfg(feature = "unfenced-for-tests")]
        if self.broken.is(rule) {
            return session.overwrite(key, record, life).await;
        }
        let _ = rule;
        session.fill(key, lease, record, life).await
    }
}

#[cfg(feature = "unfenced-for-tests")]
impl Rule {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

#[cfg(feature = "unfenced-for-tests")]
impl crate::Cache {
    /// Breaks a rule from now on, so that a test can show that it would notice.
    #[doc(hidden)]
    pub fn break_for_tests(&self, rule: Rule) {
        let broken = &self.core().broken;
        broken.rules.fetch_or(rule.bit(), std::sync::atomic::Ordering::Relaxed);
    }
}
