//! Work on all cores, and work ahead: what a long run does is read on many threads and written on one.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use rayon::iter::{
    IndexedParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelIterator,
};

use crate::error::Result;

/// Items that one thread takes at a time: many where there are many, one where each is a long piece of work.
fn stride(items: usize) -> usize {
    (items / 64).clamp(1, 32)
}

/// What threads use again from one stretch of work to the next. A thread takes many short stretches, and what it uses
/// (compressors, say) is dear to make.
pub struct Lending<S>(Mutex<Vec<S>>);

impl<S> Default for Lending<S> {
    fn default() -> Self {
        Lending(Mutex::default())
    }
}

impl<S> Lending<S> {
    /// One that is not in use, or a new one.
    pub fn lend(&self, make: impl FnOnce() -> S) -> Lent<'_, S> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lent {
            from: self,
            one: Some(kept.unwrap_or_else(make)),
        }
    }
}

/// One of them, until the stretch ends.
pub struct Lent<'a, S> {
    from: &'a Lending<S>,
    one: Option<S>,
}

impl<S> Lent<'_, S> {
    /// It.
    pub fn get(&mut self, make: impl FnOnce() -> S) -> &mut S {
        self.one.get_or_insert_with(make)
    }
}

impl<S> Drop for Lent<'_, S> {
    fn drop(&mut self) {
        let mut kept = self.from.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(self.one.take());
    }
}

/// Runs `work` over `items` on all cores; the answers come in the order of the items. `scratch` makes what a thread
/// uses again from one item to the next.
pub fn on_all_cores<T: Sync, S: Send, R: Send>(
    items: &[T],
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, usize, &T) -> R + Sync + Send,
) -> Vec<R> {
    let lending = Lending::default();
    items
        .par_iter()
        .with_min_len(stride(items.len()))
        .enumerate()
        .map_init(
            || lending.lend(&scratch),
            |lent, (i, item)| work(lent.get(&scratch), i, item),
        )
        .collect()
}

/// As [`on_all_cores`], for work that takes something out of the items.
pub fn on_all_cores_mut<T: Send, S: Send, R: Send>(
    items: &mut [T],
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, &mut T) -> R + Sync + Send,
) -> Vec<R> {
    let stride = stride(items.len());
    let lending = Lending::default();
    items
        .par_iter_mut()
        .with_min_len(stride)
        .map_init(
            || lending.lend(&scratch),
            |lent, item| work(lent.get(&scratch), item),
        )
        .collect()
}

/// Takes what `make` makes, in order, while the next is being made on another thread. Ends with the first error of
/// either.
pub fn ahead<T: Send>(
    mut make: impl FnMut() -> Result<Option<T>> + Send,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    thread::scope(|scope| {
        let (made, taken) = mpsc::sync_channel(1);
        let maker = scope.spawn(move || -> Result<()> {
            while let Some(one) = make()? {
                if made.send(one).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let done = taken.iter().try_for_each(&mut take);
        // A maker that waits to hand over must see that nobody takes any more.
        drop(taken);
        let made = maker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        done.and(made)
    })
}
