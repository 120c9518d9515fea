//! The interface between a workload, which is compiled for each arm, and the rest, which is compiled once.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::calls::Calls;
use crate::pacer::{Pacer, phase};
use crate::request::Request;
use crate::table::Table;
use crate::tally::Tally;

/// The things that a thread of a run has to itself.
pub struct Context<'r> {
    pub request: &'r Request,
    pub index: usize,
    pub phase: &'r AtomicU32,
    pub pacer: Pacer<'r>,
    pub tally: Tally,
}

impl<'r> Context<'r> {
    pub fn new(request: &'r Request, index: usize, turn_ns: f64, phase: &'r AtomicU32) -> Self {
        let pacer = Pacer::new(request, turn_ns, index, phase);
        Context { request, index, phase, pacer, tally: Tally::default() }
    }

    /// Returns the calls of the measured loop.
    #[inline(always)]
    pub fn calls<'c, T: Table, const OBSERVED: bool>(
        &'c mut self,
        table: &'c T,
        session: &'c mut T::Session,
    ) -> Calls<'c, 'r, T, OBSERVED> {
        let touches = self.request.touch;
        Calls { table, session, tally: &mut self.tally, pacer: &mut self.pacer, touches }
    }
}

/// Returns whether a thread should give up waiting for others.
#[inline(always)]
pub fn should_stop(phase: &AtomicU32) -> bool {
    // relaxed: the flag alone; nothing is read because of it.
    phase.load(Ordering::Relaxed) == phase::STOP
}

/// The part of one thread in a workload. It is made, run and dropped by that thread.
pub trait Task {
    /// Does a chunk of steps. This is the measured loop: there is one call of it in tens of microseconds, and no indirect call
    /// inside.
    fn run(&mut self, context: &mut Context, steps: usize);

    /// Returns whether there is nothing left to do.
    fn is_over(&self) -> bool {
        false
    }

    /// Deletes what the thread has in hand. It is called once, after the measurement.
    fn finish(&mut self, _context: &mut Context) {}
}

/// A task whose loop is compiled twice: for operations that are paced or timed, and for others.
pub trait Steps {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize);
    fn is_over(&self) -> bool {
        false
    }
    fn finish(&mut self, _context: &mut Context) {}
}

struct Observed<S, const OBSERVED: bool>(S);

impl<S: Steps, const OBSERVED: bool> Task for Observed<S, OBSERVED> {
    fn run(&mut self, context: &mut Context, steps: usize) {
        self.0.run::<OBSERVED>(context, steps);
    }
    fn is_over(&self) -> bool {
        self.0.is_over()
    }
    fn finish(&mut self, context: &mut Context) {
        self.0.finish(context);
    }
}

/// Returns the task of a thread with the loop that its request needs.
pub fn task_of<'w, S: Steps + 'w>(context: &Context, steps: S) -> Box<dyn Task + 'w> {
    if context.request.is_plain() { Box::new(Observed::<S, false>(steps)) } else { Box::new(Observed::<S, true>(steps)) }
}

/// The part that the threads share.
pub trait Workload: Sync {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w>;

    /// Returns whether operations may be done that are not counted.
    fn has_warm_up(&self) -> bool {
        true
    }

    /// Checks, after all tasks are dropped, that exactly those handles are live that should be, and deletes them.
    fn verify(&self, tally: &mut Tally);
}
