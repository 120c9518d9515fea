//! The table of a run with the handles that are live in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::process::advise_huge_pages;
use crate::request::{NotRun, Request, refused};
use crate::table::{Key, Table, Value};
use crate::tally::{Tally, Wrong};

/// Objects to which values point, given by their addresses.
#[derive(Clone, Copy)]
pub struct Objects(u64);

impl Objects {
    #[inline(always)]
    pub fn at(self, i: usize) -> u64 {
        self.0 + (i * size_of::<u64>()) as u64
    }
}

/// Cell i of the stock has one handle, whose value is the address of object i. A workload may replace the handle of a cell, but
/// not its value: so a look-up can be checked although the handle comes from another thread.
pub struct Stock<T> {
    /// Shared with the threads that sleep beside a workload.
    table: Arc<T>,
    in_hand: usize,
    keys: Vec<AtomicU64>,
    stale: Vec<Key>,
    objects: Vec<u64>,
}

// relaxed: a cell belongs to one thread at a time, or nobody replaces it, unless a workload says otherwise.
impl<T: Table> Stock<T> {
    /// Fills the table with `request.live` handles. There is room for each thread to have `in_hand` more, and each thread has as
    /// many objects for them.
    pub fn new(request: &Request, in_hand: usize, with_stale_keys: bool) -> Result<Self, NotRun> {
        let wanted = request.live + request.threads * in_hand;
        if wanted > request.capacity {
            return Err(refused("capacity", format!("there are up to {wanted} handles at a time")));
        }
        let mut stock = Stock {
            table: Arc::new(T::with_capacity(request.capacity)),
            in_hand,
            keys: (0..request.live).map(|_| AtomicU64::new(0)).collect(),
            stale: vec![],
            objects: vec![0; wanted.max(1)],
        };
        if request.huge_pages {
            advise_huge_pages();
        }
        let mut session = T::Session::default();
        if with_stale_keys {
            stock.fill(&mut session)?;
            stock.stale = stock.copy_of_keys();
            for key in &stock.stale {
                stock.table.remove(*key);
            }
        }
        stock.fill(&mut session)?;
        if request.huge_pages {
            advise_huge_pages();
        }
        Ok(stock)
    }

    fn fill(&self, session: &mut T::Session) -> Result<(), NotRun> {
        for (i, cell) in self.keys.iter().enumerate() {
            match self.table.insert(session, T::Value::of(self.objects().at(i))) {
                Some(key) => cell.store(key, Ordering::Relaxed),
                None => return Err(refused("live", format!("the table is full after {i} handles"))),
            }
        }
        Ok(())
    }

    pub fn table(&self) -> &T {
        &self.table
    }
    pub fn shared_table(&self) -> Arc<T> {
        self.table.clone()
    }

    /// Returns the handles of the cells, which a workload may replace.
    pub fn keys(&self) -> &[AtomicU64] {
        &self.keys
    }
    /// Returns as many handles that were deleted, or none.
    pub fn stale(&self) -> &[Key] {
        &self.stale
    }

    /// Returns the objects of the cells.
    pub fn objects(&self) -> Objects {
        Objects(self.objects.as_ptr() as u64)
    }
    /// Returns the objects of a thread's own.
    pub fn objects_in_hand(&self, thread: usize) -> Objects {
        Objects(self.objects().at(self.keys.len() + thread * self.in_hand))
    }

    /// Counts the answers about the stock that are wrong, and empties it.
    pub fn verify(&self, tally: &mut Tally) {
        let keys = self.copy_of_keys();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        for pair in sorted.windows(2) {
            if pair[0] == pair[1] {
                tally.answered(Wrong::Twice);
            }
        }
        for (i, key) in keys.iter().enumerate() {
            match self.table.find(*key) {
                None => tally.answered(Wrong::NotFound),
                Some(value) if value.address() != self.objects().at(i) => tally.answered(Wrong::OtherValue),
                Some(_) => {}
            }
        }
        for key in &keys {
            if !self.table.remove(*key) {
                tally.answered(Wrong::NotDeleted);
            }
        }
        for key in keys.iter().chain(&self.stale) {
            if self.table.find(*key).is_some() {
                tally.answered(Wrong::StaleFound);
            }
            if self.table.remove(*key) {
                tally.answered(Wrong::StaleDeleted);
            }
        }
    }

    fn copy_of_keys(&self) -> Vec<Key> {
        self.keys.iter().map(|cell| cell.load(Ordering::Relaxed)).collect()
    }
}
