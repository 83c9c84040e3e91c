//! Results that are kept in memory, each under all that it depends on.
//!
//! Who asks for what is not there computes it; whoever asks meanwhile waits for the same work and goes on
//! with it if the first one leaves. Nothing is locked while anything is computed. A result that failed is
//! not kept. What is kept is bounded in number and in bytes; what nobody asked for longest goes first.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    hash::Hash,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt as _, future::Shared};

use crate::AppError;

/// How many results are kept at most, and how many bytes of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// Something that knows roughly how much memory it takes.
pub(crate) trait Weigh {
    /// Bytes, what it points at included.
    fn weight(&self) -> usize;
}

/// Results by what they depend on.
pub(crate) struct Memo<K, V> {
    entries: Mutex<Entries<K, V>>,
    bounds: Bounds,
}

struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    bytes: usize,
    /// Questions so far: says what was asked for last, and tells runs apart.
    clock: u64,
}

struct Entry<V> {
    slot: Slot<V>,
    bytes: usize,
    used: u64,
}

enum Slot<V> {
    Running(Run<V>),
    Done(Arc<V>),
}

/// Work that several may wait for. `None` when it failed: the error is for whoever takes it first.
type Work<V> = Shared<Pin<Box<dyn Future<Output = Option<Arc<V>>> + Send>>>;

struct Run<V> {
    number: u64,
    work: Work<V>,
    error: Arc<Mutex<Option<AppError>>>,
}

impl<V> Clone for Run<V> {
    fn clone(&self) -> Self {
        Self { number: self.number, work: self.work.clone(), error: Arc::clone(&self.error) }
    }
}

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone, V: Weigh + Send + Sync + 'static> Memo<K, V> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let entries = Entries { by_key: HashMap::new(), bytes: 0, clock: 0 };
        Self { entries: Mutex::new(entries), bounds }
    }

    /// The result of a key, computed by `work` unless it is kept or under way.
    ///
    /// # Errors
    ///
    /// Those of the work. Of several who waited for it one gets its error, the others try themselves.
    pub(crate) async fn get<F>(&self, key: &K, work: impl Fn() -> F) -> Result<Arc<V>, AppError>
    where
        F: Future<Output = Result<V, AppError>> + Send + 'static,
    {
        loop {
            let run = match self.found_or_begun(key, &work) {
                Slot::Done(kept) => return Ok(kept),
                Slot::Running(run) => run,
            };
            if let Some(made) = run.work.await {
                self.entries().finish(key, run.number, &made, self.bounds);
                return Ok(made);
            }
            self.entries().forget(key, run.number);
            let error = run.error.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(error) = error {
                return Err(error);
            }
        }
    }

    fn found_or_begun<F>(&self, key: &K, work: &impl Fn() -> F) -> Slot<V>
    where
        F: Future<Output = Result<V, AppError>> + Send + 'static,
    {
        let mut entries = self.entries();
        entries.clock = entries.clock.saturating_add(1);
        let clock = entries.clock;
        if let Some(entry) = entries.by_key.get_mut(key) {
            entry.used = clock;
            return match &entry.slot {
                Slot::Done(kept) => Slot::Done(Arc::clone(kept)),
                Slot::Running(run) => Slot::Running(run.clone()),
            };
        }
        let error = Arc::new(Mutex::new(None));
        let (work, of_work) = (work(), Arc::clone(&error));
        let work = async move {
            // Work that panicked would panic for everybody who asks from then on.
            match AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(AppError::Interrupted))
            {
                Ok(made) => Some(Arc::new(made)),
                Err(error) => {
                    *of_work.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    None
                }
            }
        };
        let work: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(work);
        let run = Run { number: clock, work: work.shared(), error };
        let entry = Entry { slot: Slot::Running(run.clone()), bytes: 0, used: clock };
        entries.by_key.insert(key.clone(), entry);
        entries.make_room(self.bounds);
        Slot::Running(run)
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many results are kept or under way, and their bytes.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize) {
        let entries = self.entries();
        (entries.by_key.len(), entries.bytes)
    }
}

impl<K: Hash + Eq + Clone, V: Weigh> Entries<K, V> {
    /// Whether the entry of a key is that run.
    fn is_run(&self, key: &K, number: u64) -> bool {
        let entry = self.by_key.get(key);
        matches!(entry, Some(Entry { slot: Slot::Running(run), .. }) if run.number == number)
    }

    fn finish(&mut self, key: &K, number: u64, made: &Arc<V>, bounds: Bounds) {
        if !self.is_run(key, number) {
            return;
        }
        let bytes = made.weight();
        if let Some(entry) = self.by_key.get_mut(key) {
            entry.slot = Slot::Done(Arc::clone(made));
            entry.bytes = bytes;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.make_room(bounds);
    }

    fn forget(&mut self, key: &K, number: u64) {
        if self.is_run(key, number) {
            self.by_key.remove(key);
        }
    }

    fn make_room(&mut self, bounds: Bounds) {
        while self.by_key.len() > bounds.entries || self.bytes > bounds.bytes {
            let oldest = self.by_key.iter().min_by_key(|(_, entry)| entry.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { return };
            let bytes = self.by_key.remove(&key).map_or(0, |entry| entry.bytes);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Made(usize);

    impl Weigh for Made {
        fn weight(&self) -> usize {
            self.0
        }
    }

    fn memo(entries: usize, bytes: usize) -> Arc<Memo<u32, Made>> {
        Arc::new(Memo::new(Bounds { entries, bytes }))
    }

    #[tokio::test]
    async fn a_hundred_at_once_compute_once() {
        let memo = memo(8, 1_000);
        let (runs, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        #[expect(
            clippy::disallowed_methods,
            reason = "callers that leave are tasks that are ended"
        )]
        let ask = || {
            let (memo, runs, go) = (Arc::clone(&memo), Arc::clone(&runs), Arc::clone(&go));
            tokio::spawn(async move {
                let work = || {
                    let (runs, go) = (Arc::clone(&runs), Arc::clone(&go));
                    async move {
                        runs.fetch_add(1, Ordering::SeqCst);
                        go.notified().await;
                        Ok(Made(7))
                    }
                };
                memo.get(&1, work).await.unwrap().0
            })
        };
        let mut asked: Vec<_> = (0..100).map(|_| ask()).collect();
        while runs.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // Others are answered meanwhile: nothing is locked.
        assert_eq!(memo.get(&2, || async { Ok(Made(1)) }).await.unwrap().0, 1);
        // The one that began leaves; the work goes on for the rest.
        asked.remove(0).abort();
        tokio::task::yield_now().await;
        go.notify_one();
        for one in asked {
            assert_eq!(one.await.unwrap(), 7);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn work_that_everybody_left_goes_on_when_somebody_asks() {
        let memo = memo(8, 1_000);
        let (runs, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = || {
            let (runs, go) = (Arc::clone(&runs), Arc::clone(&go));
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                Ok(Made(7))
            }
        };
        tokio::select! {
            biased;
            _ = memo.get(&1, work) => unreachable!(),
            () = tokio::task::yield_now() => {}
        }
        go.notify_one();
        assert_eq!(memo.get(&1, work).await.unwrap().0, 7);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let memo = memo(4, 100);
        let runs = AtomicUsize::new(0);
        let ask = async |key: u32, weight: usize| {
            let work = || {
                runs.fetch_add(1, Ordering::SeqCst);
                async move { Ok(Made(weight)) }
            };
            memo.get(&key, work).await.unwrap()
        };
        for key in 0..20 {
            ask(key, 10).await;
            ask(0, 10).await;
            assert!(memo.size().0 <= 4 && memo.size().1 <= 100);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 20, "the first one stays: it is asked for");
        ask(100, 90).await;
        assert!(memo.size().1 <= 100);
        ask(101, 5_000).await;
        assert_eq!(memo.size().1, 0, "what is too large alone is not kept");
    }

    #[tokio::test]
    async fn an_error_is_told_and_not_kept() {
        let memo = memo(4, 100);
        let failed = memo.get(&1, || async { Err(AppError::Empty) }).await;
        assert!(matches!(failed, Err(AppError::Empty)));
        assert_eq!(memo.size().0, 0);
        assert_eq!(memo.get(&1, || async { Ok(Made(3)) }).await.unwrap().0, 3);
    }
}
