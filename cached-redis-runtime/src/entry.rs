//! stub
/// e
pub struct Entry<R>(pub(crate) std::marker::PhantomData<fn() -> R>);
impl<R> Entry<R> { /// k
 pub fn key(&self) -> &str { "" } /// i
 pub async fn invalidate(&self) -> Result<(), crate::Error> { Ok(()) } }
