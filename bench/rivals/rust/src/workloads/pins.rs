//! Workloads that keep objects alive while they are used.

use std::sync::atomic::Ordering;

use super::{Drawing, DrawingTask, Stocked, StockedTask};
use crate::request::{NotRun, Request};
use crate::table::Pins;
use crate::tally::{Kind, Tally};
use crate::workload::{Context, Steps, Task, Workload, task_of};

/// Each step pins any of the live handles, reads its value and lets go.
pub struct Pinning<T: Pins>(Drawing<T>);

impl<T: Pins> Pinning<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(Pinning(Drawing::of_all_cells(request, 0, false)?))
    }
}

impl<T: Pins> Workload for Pinning<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, PinningTask(self.0.new_task(context)))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct PinningTask<'w, T: Pins>(DrawingTask<'w, T>);

impl<T: Pins> Steps for PinningTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let DrawingTask { stock, session, draws, .. } = &mut self.0;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys) = (stock.objects(), stock.keys());
        for _ in 0..steps {
            let cell = draws.next().cell();
            let pin = calls.pin(stock.table(), keys[cell].load(Ordering::Relaxed), objects.at(cell));
            calls.unpin(pin);
        }
        calls.tally.attempted(Kind::Pin, steps);
        calls.tally.attempted(Kind::Unpin, steps);
    }
}

/// Each step pins any of the live handles, and lets go of the pin that it has held for longest. It holds as many as the request
/// says.
pub struct HeldPins<T: Pins>(Drawing<T>);

impl<T: Pins> HeldPins<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(HeldPins(Drawing::of_all_cells(request, 0, false)?))
    }
}

impl<T: Pins> Workload for HeldPins<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        let pins = (0..context.request.hold).map(|_| None).collect();
        task_of(context, HeldPinsTask { base: self.0.new_task(context), pins, at: 0 })
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct HeldPinsTask<'w, T: Pins> {
    base: DrawingTask<'w, T>,
    pins: Vec<Option<T::Pin<'w>>>,
    at: usize,
}

impl<T: Pins> Steps for HeldPinsTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let DrawingTask { stock, session, draws, .. } = &mut self.base;
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (objects, keys) = (stock.objects(), stock.keys());
        let mut let_go = 0;
        for _ in 0..steps {
            let oldest = &mut self.pins[self.at];
            if oldest.is_some() {
                let_go += 1;
                calls.unpin(oldest.take());
            }
            let cell = draws.next().cell();
            *oldest = calls.pin(stock.table(), keys[cell].load(Ordering::Relaxed), objects.at(cell));
            self.at += 1;
            if self.at == self.pins.len() {
                self.at = 0;
            }
        }
        calls.tally.attempted(Kind::Pin, steps);
        calls.tally.attempted(Kind::Unpin, let_go);
    }
}

/// Each step makes a handle, pins it, deletes it while it is pinned, reads its value and lets go.
pub struct DeletePinned<T>(Stocked<T>);

impl<T: Pins> DeletePinned<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(DeletePinned(Stocked::new(request, 1, false)?))
    }
}

impl<T: Pins> Workload for DeletePinned<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, DeletePinnedTask(self.0.new_task()))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.stock.verify(tally);
    }
}

struct DeletePinnedTask<'w, T: Pins>(StockedTask<'w, T>);

impl<T: Pins> Steps for DeletePinnedTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.0;
        let object = stock.objects_in_hand(context.index).at(0);
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let mut made = 0;
        for _ in 0..steps {
            let Some(key) = calls.make(object) else { continue };
            made += 1;
            let pin = calls.pin(stock.table(), key, object);
            calls.delete_as(key, Kind::DeletePinned);
            if let Some(pin) = &pin {
                calls.check(T::pinned(pin), object);
            }
            calls.unpin(pin);
        }
        calls.tally.attempted(Kind::New, steps);
        for kind in [Kind::Pin, Kind::DeletePinned, Kind::Unpin] {
            calls.tally.attempted(kind, made);
        }
    }
}
