//! Workloads that make handles and delete them, while others are live.

use super::{Stocked, StockedTask};
use crate::request::{NotRun, Request};
use crate::table::{Key, Table};
use crate::tally::{Kind, Tally};
use crate::workload::{Context, Steps, Task, Workload, task_of};

/// Each step is a New and a Delete of one handle, with a look-up between them if FIND.
pub struct Churn<T, const FIND: bool>(pub Stocked<T>);

impl<T: Table, const FIND: bool> Churn<T, FIND> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(Churn(Stocked::new(request, 1, false)?))
    }
}

impl<T: Table, const FIND: bool> Workload for Churn<T, FIND> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, ChurnTask::<T, FIND>(self.0.new_task()))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

pub struct ChurnTask<'w, T: Table, const FIND: bool>(pub StockedTask<'w, T>);

impl<T: Table, const FIND: bool> Steps for ChurnTask<'_, T, FIND> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.0;
        let object = stock.objects_in_hand(context.index).at(0);
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let mut made = 0;
        for _ in 0..steps {
            let Some(key) = calls.make(object) else { continue };
            made += 1;
            if FIND {
                calls.find(key, object);
            }
            calls.delete(key);
        }
        calls.tally.attempted(Kind::New, steps);
        if FIND {
            calls.tally.attempted(Kind::Find, made);
        }
        calls.tally.attempted(Kind::Delete, made);
    }
}

/// Each step is `burst` times New, then Delete of these handles.
pub struct Burst<T>(Stocked<T>);

impl<T: Table> Burst<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(Burst(Stocked::new(request, request.burst, false)?))
    }
}

impl<T: Table> Workload for Burst<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, BurstTask { base: self.0.new_task(), keys: vec![None; context.request.burst] })
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct BurstTask<'w, T: Table> {
    base: StockedTask<'w, T>,
    keys: Vec<Option<Key>>,
}

impl<T: Table> Steps for BurstTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.base;
        let objects = stock.objects_in_hand(context.index);
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let mut made = 0;
        for _ in 0..steps {
            for (i, key) in self.keys.iter_mut().enumerate() {
                *key = calls.make(objects.at(i));
            }
            for key in self.keys.iter().flatten() {
                made += 1;
                calls.delete(*key);
            }
        }
        calls.tally.attempted(Kind::New, steps * self.keys.len());
        calls.tally.attempted(Kind::Delete, made);
    }
}
