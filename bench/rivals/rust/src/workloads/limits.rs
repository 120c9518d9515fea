//! Workloads at the limit of a table's capacity.

use super::{Stocked, StockedTask};
use crate::request::{NotRun, Request};
use crate::table::{Key, Table, Value};
use crate::tally::{Kind, Tally, Wrong};
use crate::workload::{Context, Steps, Task, Workload, task_of};

/// Each step is a New on a full table.
pub struct Full<T> {
    base: Stocked<T>,
    more: Vec<Key>,
}

impl<T: Table> Full<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        // A table may have room for more handles than it promises.
        const MORE_THAN_PROMISED: usize = 1 << 20;
        let enough = request.capacity + MORE_THAN_PROMISED;
        let base: Stocked<T> = Stocked::new(request, 0, false)?;
        let mut more = vec![];
        let mut session = T::Session::default();
        while let Some(key) = base.stock.table().insert(&mut session, T::Value::of(base.stock.objects().at(0))) {
            more.push(key);
            let made = request.live + more.len();
            if made > enough {
                let why = format!("the table has no limit: it holds {made} handles");
                return Err(NotRun::Cannot { missing: "a capacity", why });
            }
        }
        Ok(Full { base, more })
    }
}

impl<T: Table> Workload for Full<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, FullTask(self.base.new_task()))
    }
    fn verify(&self, tally: &mut Tally) {
        for key in &self.more {
            if !self.base.stock.table().remove(*key) {
                tally.answered(Wrong::NotDeleted);
            }
        }
        self.base.stock.verify(tally);
    }
}

struct FullTask<'w, T: Table>(StockedTask<'w, T>);

impl<T: Table> Steps for FullTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.0;
        let object = stock.objects().at(0);
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        for _ in 0..steps {
            // It should fail, and is not to succeed for ever.
            if let Some(key) = calls.make(object) {
                calls.delete(key);
            }
        }
        calls.tally.attempted(Kind::New, steps);
    }
}

/// Each step is a New. A thread ends when it has used up its part of the capacity, or when the table says that it is full.
pub struct Grow<T>(Stocked<T>);

impl<T: Table> Grow<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(Grow(Stocked::new(request, 1, false)?))
    }
}

impl<T: Table> Workload for Grow<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        let request = context.request;
        let keys = vec![0; (request.capacity - request.live) / request.threads];
        task_of(context, GrowTask { base: self.0.new_task(), keys, made: 0, is_full: false })
    }
    /// There would be nothing left to measure.
    fn has_warm_up(&self) -> bool {
        false
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct GrowTask<'w, T: Table> {
    base: StockedTask<'w, T>,
    keys: Vec<Key>,
    made: usize,
    is_full: bool,
}

impl<T: Table> Steps for GrowTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.base;
        let object = stock.objects_in_hand(context.index).at(0);
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let mut attempted = 0;
        while attempted < steps && !self.is_full && self.made < self.keys.len() {
            attempted += 1;
            match calls.make(object) {
                Some(key) => {
                    self.keys[self.made] = key;
                    self.made += 1;
                }
                None => self.is_full = true,
            }
        }
        calls.tally.attempted(Kind::New, attempted);
    }

    fn is_over(&self) -> bool {
        self.is_full || self.made == self.keys.len()
    }

    fn finish(&mut self, context: &mut Context) {
        for key in &self.keys[..self.made] {
            if !self.base.stock.table().remove(*key) {
                context.tally.answered(Wrong::NotDeleted);
            }
        }
    }
}
