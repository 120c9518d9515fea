//! Workloads that read and replace handles, as often as the request's mix says.

use std::sync::atomic::Ordering;

use super::{Drawing, DrawingTask};
use crate::draws::Step;
use crate::request::{NotRun, Request};
use crate::table::{Scopes, Table};
use crate::tally::{Kind, Tally};
use crate::workload::{Context, Steps, Task, Workload, task_of};

/// Each thread uses its own share of the live handles, so that no look-up may miss. If SHARED, all threads read and replace the
/// same cells, and a look-up may miss, because another thread may just have deleted the handle.
pub struct Mixed<T: Table, const SHARED: bool>(Drawing<T>);

impl<T: Table, const SHARED: bool> Mixed<T, SHARED> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        let with_stale_keys = request.mix.stale != 0.0;
        let drawing = if SHARED { Drawing::of_all_cells } else { Drawing::of_own_cells };
        Ok(Mixed(drawing(request, 1, with_stale_keys)?))
    }
}

impl<T: Table, const SHARED: bool> Workload for Mixed<T, SHARED> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, MixedTask::<T, SHARED>(self.0.new_task(context)))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct MixedTask<'w, T: Table, const SHARED: bool>(DrawingTask<'w, T>);

impl<T: Table, const SHARED: bool> Steps for MixedTask<'_, T, SHARED> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let DrawingTask { stock, session, draws, first_cell } = &mut self.0;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys, stale) = (stock.objects(), stock.keys(), stock.stale());
        let mut updates = 0;
        let mut stale_look_ups = 0;
        let mut replaced = 0;
        for _ in 0..steps {
            let draw = draws.next();
            let cell = *first_cell + draw.cell();
            match draw.step() {
                // acquire: the key's New happens before its look-up.
                Step::Find if SHARED => calls.find_if_live(keys[cell].load(Ordering::Acquire), objects.at(cell)),
                // relaxed: the cell is this thread's own.
                Step::Find => calls.find(keys[cell].load(Ordering::Relaxed), objects.at(cell)),
                Step::Stale => {
                    stale_look_ups += 1;
                    calls.find_stale(stale[cell]);
                }
                Step::Update => {
                    updates += 1;
                    let Some(key) = calls.make(objects.at(cell)) else { continue };
                    replaced += 1;
                    let before = if SHARED {
                        // acq_rel: hands the new key over, and takes the old one, which no other thread can delete.
                        keys[cell].swap(key, Ordering::AcqRel)
                    } else {
                        // relaxed: as above.
                        let before = keys[cell].load(Ordering::Relaxed);
                        keys[cell].store(key, Ordering::Relaxed);
                        before
                    };
                    calls.delete(before);
                }
            }
        }
        calls.tally.attempted(Kind::Find, steps - updates - stale_look_ups);
        calls.tally.attempted(Kind::Stale, stale_look_ups);
        calls.tally.attempted(Kind::New, updates);
        calls.tally.attempted(Kind::Delete, replaced);
    }
}

/// Each step opens a scope, does `hold` steps of a mix in it, each thread on its own share of the handles, and closes it. The
/// scope is paced and timed as a whole, and its operations are not.
pub struct ScopedMix<T: Table>(Drawing<T>);

impl<T: Scopes> ScopedMix<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        // What is deleted in a scope may take up its place until the scope is closed.
        Ok(ScopedMix(Drawing::of_own_cells(request, request.hold, request.mix.stale != 0.0)?))
    }
}

impl<T: Scopes> Workload for ScopedMix<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, ScopedMixTask(self.0.new_task(context)))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct ScopedMixTask<'w, T: Table>(DrawingTask<'w, T>);

impl<T: Scopes> Steps for ScopedMixTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let DrawingTask { stock, session, draws, first_cell } = &mut self.0;
        let hold = context.request.hold;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys, stale) = (stock.objects(), stock.keys(), stock.stale());
        let (mut updates, mut stale_look_ups, mut replaced) = (0, 0, 0);
        for _ in 0..steps {
            let begin = calls.begin();
            let scope = stock.table().open();
            for _ in 0..hold {
                let draw = draws.next();
                let cell = *first_cell + draw.cell();
                // relaxed, here and below: the cell is this thread's own.
                let key = keys[cell].load(Ordering::Relaxed);
                match draw.step() {
                    Step::Find => calls.find_in(&scope, key, objects.at(cell)),
                    Step::Stale => {
                        stale_look_ups += 1;
                        calls.find_stale_in(&scope, stale[cell]);
                    }
                    Step::Update => {
                        updates += 1;
                        let Some(new) = calls.replace_in(&scope, key, objects.at(cell)) else { continue };
                        replaced += 1;
                        keys[cell].store(new, Ordering::Relaxed);
                    }
                }
            }
            drop(scope);
            calls.end(begin, Kind::Scope);
        }
        calls.tally.attempted(Kind::Find, steps * hold - updates - stale_look_ups);
        calls.tally.attempted(Kind::Stale, stale_look_ups);
        calls.tally.attempted(Kind::New, updates);
        calls.tally.attempted(Kind::Delete, replaced);
        calls.tally.attempted(Kind::Scope, steps);
    }
}
