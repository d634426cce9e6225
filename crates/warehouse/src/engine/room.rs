//! Room on the stack for planning statements that nest deep.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Enough for what [`crate::sql`] lets through, many times over.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Runs work that recurses deep: each time it is polled it has a large stack of its own.
pub(crate) async fn with_room<T>(is_deep: bool, work: impl Future<Output = T>) -> T {
    let work = Box::pin(work);
    if is_deep { Roomy { work }.await } else { work.await }
}

struct Roomy<F> {
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Roomy<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        stacker::grow(STACK_BYTES, || self.work.as_mut().poll(context))
    }
}
