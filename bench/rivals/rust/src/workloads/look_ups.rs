//! Workloads that only read.

use std::sync::atomic::Ordering;

use super::{Drawing, DrawingTask, Stocked, StockedTask};
use crate::random::Random;
use crate::request::{NotRun, Request, refused};
use crate::table::{Scopes, Table};
use crate::tally::{Kind, Tally};
use crate::workload::{Context, Steps, Task, Workload, task_of};

/// Each step looks a handle up: any of the live ones, or any of as many deleted ones if STALE.
pub struct LookUps<T: Table, const STALE: bool>(Drawing<T>);

impl<T: Table, const STALE: bool> LookUps<T, STALE> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(LookUps(Drawing::of_all_cells(request, 0, STALE)?))
    }
}

impl<T: Table, const STALE: bool> Workload for LookUps<T, STALE> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, LookUp::<T, STALE>(self.0.new_task(context)))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct LookUp<'w, T: Table, const STALE: bool>(DrawingTask<'w, T>);

impl<T: Table, const STALE: bool> Steps for LookUp<'_, T, STALE> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let DrawingTask { stock, session, draws, .. } = &mut self.0;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys, stale) = (stock.objects(), stock.keys(), stock.stale());
        for _ in 0..steps {
            let cell = draws.next().cell();
            if STALE {
                calls.find_stale(stale[cell]);
            } else {
                calls.find(keys[cell].load(Ordering::Relaxed), objects.at(cell));
            }
        }
        calls.tally.attempted(if STALE { Kind::Stale } else { Kind::Find }, steps);
    }
}

/// Each step looks up a live handle that the thread has not looked up before, in a random order of its own. A thread ends when it
/// has looked up all.
pub struct FirstLookUps<T: Table>(Stocked<T>);

impl<T: Table> FirstLookUps<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        if request.live == 0 {
            return Err(refused("live", "this workload needs a live handle"));
        }
        Ok(FirstLookUps(Stocked::new(request, 0, false)?))
    }
}

impl<T: Table> Workload for FirstLookUps<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        let request = context.request;
        let mut order: Vec<u32> = (0..request.live as u32).collect();
        let mut random = Random::new(request.seed, context.index as u64);
        for i in (1..order.len()).rev() {
            order.swap(i, random.below(i as u64 + 1) as usize);
        }
        task_of(context, FirstLookUp { base: self.0.new_task(), order, at: 0 })
    }
    /// There would be nothing left to measure.
    fn has_warm_up(&self) -> bool {
        false
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct FirstLookUp<'w, T: Table> {
    base: StockedTask<'w, T>,
    order: Vec<u32>,
    at: usize,
}

impl<T: Table> Steps for FirstLookUp<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.base;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys) = (stock.objects(), stock.keys());
        let end = self.order.len().min(self.at + steps);
        for cell in &self.order[self.at..end] {
            let cell = *cell as usize;
            calls.find(keys[cell].load(Ordering::Relaxed), objects.at(cell));
        }
        calls.tally.attempted(Kind::Find, end - self.at);
        self.at = end;
    }

    fn is_over(&self) -> bool {
        self.at == self.order.len()
    }
}

/// Each step opens a scope, does `hold` look-ups in it, and closes it: of live handles, or of deleted ones if STALE. The scope is
/// paced and timed as a whole, and its look-ups are not.
pub struct ScopedLookUps<T: Table, const STALE: bool>(Drawing<T>);

impl<T: Scopes, const STALE: bool> ScopedLookUps<T, STALE> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(ScopedLookUps(Drawing::of_all_cells(request, 0, STALE)?))
    }
}

impl<T: Scopes, const STALE: bool> Workload for ScopedLookUps<T, STALE> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, ScopedLookUp::<T, STALE>(self.0.new_task(context)))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct ScopedLookUp<'w, T: Table, const STALE: bool>(DrawingTask<'w, T>);

impl<T: Scopes, const STALE: bool> Steps for ScopedLookUp<'_, T, STALE> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let DrawingTask { stock, session, draws, .. } = &mut self.0;
        let hold = context.request.hold;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys, stale) = (stock.objects(), stock.keys(), stock.stale());
        for _ in 0..steps {
            let begin = calls.begin();
            let scope = stock.table().open();
            for _ in 0..hold {
                let cell = draws.next().cell();
                if STALE {
                    calls.find_stale_in(&scope, stale[cell]);
                } else {
                    calls.find_in(&scope, keys[cell].load(Ordering::Relaxed), objects.at(cell));
                }
            }
            drop(scope);
            calls.end(begin, Kind::Scope);
        }
        calls.tally.attempted(if STALE { Kind::Stale } else { Kind::Find }, steps * hold);
        calls.tally.attempted(Kind::Scope, steps);
    }
}
