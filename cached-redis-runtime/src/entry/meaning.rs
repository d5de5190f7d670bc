//! What an entry means: its value, as the function returns it, without the name of its type.

#[cfg(feature = "local")]
use crate::call::copied::Copying;
use crate::error::Error;
#[cfg(feature = "local")]
use crate::function::Function;
#[cfg(feature = "local")]
use crate::local::LocalCopy;
use crate::outcome::{Outcome, Storable};
use crate::panics::guarded;
use crate::payload::{self, Assessed, Encoding, Gate};
use crate::record::Header;
#[cfg(feature = "local")]
use crate::record::Kind;

/// An [`Outcome`] whose stored type has been forgotten: aliases of return types work because no
/// signature has to name it.
pub(crate) trait Meaning<R>: Send + Sync {
    fn type_name(&self) -> &'static str;
    fn encode(&self, returned: &R, schema: u64) -> Result<Option<Encoding>, Error>;
    fn decode(&self, header: &Header, payload: &[u8]) -> Option<R>;
    /// An absence as the function returns it, if it can return one.
    fn absent(&self) -> Option<R>;
    /// What may be stored of it, if the gate says so, and whether that reads back as what was returned.
    fn assess(&self, returned: &R, schema: u64, gate: &dyn Gate) -> Assessed;

    /// What a copy comes to, if there are copies.
    #[cfg(feature = "local")]
    fn copied(&self, _: &LocalCopy) -> Option<(Kind, R)> {
        None
    }

    /// As [`decode`](Self::decode), and makes a copy, if there are copies.
    #[cfg(feature = "local")]
    fn decode_and_copy(&self, header: &Header, payload: &[u8], _: Copying<'_>) -> Option<R> {
        self.decode(header, payload)
    }
}

impl<O> Meaning<O::Return> for O
where
    O: Outcome + Send + Sync,
    O::Value: Storable,
{
    fn type_name(&self) -> &'static str {
        std::any::type_name::<O::Value>()
    }

    fn encode(&self, returned: &O::Return, schema: u64) -> Result<Option<Encoding>, Error> {
        payload::encode(self, returned, schema)
    }

    fn decode(&self, header: &Header, payload: &[u8]) -> Option<O::Return> {
        payload::decode(self, header, payload)
    }

    fn absent(&self) -> Option<O::Return> {
        guarded(|| Outcome::absent(self)).flatten()
    }

    fn assess(&self, returned: &O::Return, schema: u64, gate: &dyn Gate) -> Assessed {
        payload::assess(self, returned, schema, Some(gate))
    }
}

/// Where the copies of an entry are found in this process.
#[cfg(feature = "local")]
#[derive(Debug)]
pub(crate) struct CopyKey {
    pub(crate) function: &'static Function,
    pub(crate) bytes: Box<[u8]>,
}

/// There are none.
#[cfg(not(feature = "local"))]
#[derive(Debug)]
pub(crate) enum CopyKey {}
