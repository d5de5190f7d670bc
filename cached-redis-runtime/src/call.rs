//! stub
use crate::*; use crate::{function::Function, key::Key, outcome::Outcome, policy::Policy};
/// c
pub struct Call { /// f
 pub function: &'static Function, /// k
 pub key: Key, /// p
 pub policy: Policy, /// c
 pub cache: Cache }
impl Call {
    /// r
    pub async fn run<O, F>(self, outcome: O, body: F) -> O::Return where O: Outcome, O::Value: Storable, F: Future<Output = O::Return> { let _ = (&self.policy, &outcome); body.await }
    /// e
    pub fn entry<O>(self, outcome: O) -> Entry<O::Return> where O: Outcome + Send + Sync + 'static, O::Value: Storable { let _ = outcome; Entry(std::marker::PhantomData) }
    /// i
    pub async fn invalidate(self) -> Result<(), Error> { Ok(()) }
}
