//! Independent computations over the machine's cores.

use std::{
    future::Future,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::AppError;

/// Does work that computes for long on a thread of its own, so that others are answered meanwhile; it
/// is done even when nobody waits for it any more.
///
/// # Errors
///
/// Those of the work; [`AppError::Interrupted`] when it panicked, or the program ends.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl Future<Output = Result<T, AppError>> + Send + 'static,
) -> Result<T, AppError> {
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work)).await;
    done.map_err(|_| AppError::Interrupted)?
}

/// The function of every item, in the order of the items. Each thread has a state of its own, made by
/// `state`, that later items of the thread find as earlier ones left it: it may save work, and must not
/// change results.
pub(crate) fn map_with<T: Sync, S, R: Send>(
    items: &[T],
    state: impl Fn() -> S + Sync,
    function: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut state, mut done) = (state(), Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, function(&mut state, item)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(items.len())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(of_other) => done.extend(of_other),
                Err(panic) => resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<u64> = (0..1000).collect();
        let doubled = super::map_with(&items, || 2, |factor, item| item * *factor);
        assert!((0..).zip(&doubled).all(|(index, found)| *found == index * 2));
        assert_eq!(doubled.len(), 1000);
        assert!(super::map_with(&[] as &[u64], || (), |(), item| *item).is_empty());
    }
}
