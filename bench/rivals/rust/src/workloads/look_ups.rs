//! Workloads that only read.

use std::sync::atomic::Ordering;

use super::{Drawing, DrawingTask};
use crate::request::{NotRun, Request};
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

/// Each step opens a scope, does `hold` look-ups of live handles in it, and closes it. The scope is paced and timed as a whole,
/// and its look-ups are not.
pub struct ScopedLookUps<T: Table>(Drawing<T>);

impl<T: Scopes> ScopedLookUps<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(ScopedLookUps(Drawing::of_all_cells(request, 0, false)?))
    }
}

impl<T: Scopes> Workload for ScopedLookUps<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, ScopedLookUp(self.0.new_task(context)))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct ScopedLookUp<'w, T: Table>(DrawingTask<'w, T>);

impl<T: Scopes> Steps for ScopedLookUp<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let DrawingTask { stock, session, draws, .. } = &mut self.0;
        let hold = context.request.hold;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys) = (stock.objects(), stock.keys());
        for _ in 0..steps {
            let begin = calls.begin();
            let scope = stock.table().open();
            for _ in 0..hold {
                let cell = draws.next().cell();
                calls.find_in(&scope, keys[cell].load(Ordering::Relaxed), objects.at(cell));
            }
            drop(scope);
            calls.end(begin, Kind::Scope);
        }
        calls.tally.attempted(Kind::Find, steps * hold);
        calls.tally.attempted(Kind::Scope, steps);
    }
}
