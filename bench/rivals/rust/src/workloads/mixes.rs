//! Workloads that read and replace handles, as often as the request's mix says.

use std::sync::atomic::Ordering;

use super::{Drawing, DrawingTask};
use crate::draws::Step;
use crate::request::{NotRun, Request};
use crate::table::Table;
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
