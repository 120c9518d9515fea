//! When a thread's operations begin, and which of them are timed.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::clock::now_ns;
use crate::histogram::Histogram;
use crate::random::Random;
use crate::request::{Request, Think};
use crate::tally::{KINDS, Kind};
use crate::think::Thinker;

/// The phases of a run, which all of its threads follow.
pub mod phase {
    pub const WARM_UP: u32 = 0;
    pub const MEASURE: u32 = 1;
    pub const STOP: u32 = 2;
}

const NOT_TIMED: i64 = -1;

/// Lets the thread think before each operation, or wait until the operation is due, and times a sample of the operations.
pub struct Pacer<'r> {
    thinks: bool,
    thinker: Thinker,
    /// 0: a closed loop.
    interval_ns: f64,
    sample: u64,
    random: Random,
    phase: &'r AtomicU32,
    /// One for each kind, or none if no operation is timed.
    histograms: Vec<Histogram>,
    due_ns: f64,
    countdown: u64,
}

impl<'r> Pacer<'r> {
    pub fn new(request: &Request, turn_ns: f64, thread: usize, phase: &'r AtomicU32) -> Self {
        const STREAM: u64 = 1 << 32;
        let thread = thread as u64;
        let histograms = if request.latency == 0 { 0 } else { KINDS };
        let mut pacer = Pacer {
            thinks: !matches!(request.think, Think::None),
            thinker: Thinker::new(&request.think, turn_ns, request.seed, thread),
            interval_ns: if request.rate == 0.0 { 0.0 } else { 1e9 / request.rate },
            sample: request.latency,
            random: Random::new(request.seed, thread + STREAM),
            phase,
            histograms: (0..histograms).map(|_| Histogram::new()).collect(),
            due_ns: 0.0,
            countdown: 0,
        };
        pacer.restart();
        pacer
    }

    /// Forgets what has been timed, and counts arrivals from now on.
    pub fn restart(&mut self) {
        self.histograms.iter_mut().for_each(Histogram::clear);
        self.due_ns = now_ns() as f64;
        self.countdown = self.next_gap();
    }

    /// Called before each operation. Returns what `end` takes.
    #[inline(always)]
    pub fn begin(&mut self) -> i64 {
        if self.thinks {
            self.thinker.think();
        }
        self.countdown -= 1;
        if self.countdown != 0 { NOT_TIMED } else { self.begin_timed() }
    }

    /// Called after each operation.
    #[inline(always)]
    pub fn end(&mut self, begin: i64, kind: Kind) {
        if begin != NOT_TIMED {
            self.record(now_ns() - begin, kind);
        }
    }

    pub fn into_histograms(self) -> Vec<Histogram> {
        self.histograms
    }

    // Not inlined, because a workload has several copies of the calls.
    #[inline(never)]
    fn begin_timed(&mut self) -> i64 {
        self.countdown = self.next_gap();
        if self.interval_ns == 0.0 { now_ns() } else { self.wait_until_due() }
    }
    #[inline(never)]
    fn record(&mut self, ns: i64, kind: Kind) {
        self.histograms[kind as usize].record(ns);
    }

    /// An operation that begins late is timed from when it was due, so that the ones that wait behind a slow one are not
    /// forgotten (coordinated omission).
    fn wait_until_due(&mut self) -> i64 {
        let due = self.due_ns as i64;
        self.due_ns += self.interval_ns;
        while now_ns() < due {
            // relaxed: the flag alone; nothing is read because of it.
            if self.phase.load(Ordering::Relaxed) == phase::STOP {
                return NOT_TIMED;
            }
        }
        if self.sample == 0 { NOT_TIMED } else { due }
    }

    /// Operations follow each other in patterns, and so may slow ones. A fixed gap could hit always or never the same place of
    /// the pattern.
    fn next_gap(&mut self) -> u64 {
        if self.interval_ns != 0.0 {
            return 1; // each operation has to wait
        }
        if self.sample == 0 {
            return u64::MAX;
        }
        1 + self.random.below(2 * self.sample - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer<'r>(change: impl Fn(&mut Request), phase: &'r AtomicU32) -> Pacer<'r> {
        let mut request = Request::for_test("churn");
        change(&mut request);
        Pacer::new(&request, 1.0, 0, phase)
    }

    #[test]
    fn one_of_n_operations_is_timed_on_average() {
        let phase = AtomicU32::new(phase::MEASURE);
        let mut pacer = pacer(|request| request.latency = 10, &phase);
        for _ in 0..100_000 {
            let begin = pacer.begin();
            pacer.end(begin, Kind::Find);
        }
        let sampled = pacer.into_histograms()[Kind::Find as usize].sampled();
        assert!((9_500..10_500).contains(&sampled), "{sampled}");
    }

    #[test]
    fn a_late_operation_counts_from_when_it_was_due() {
        let phase = AtomicU32::new(phase::MEASURE);
        let mut pacer = pacer(|request| (request.rate, request.latency) = (1e6, 1), &phase);
        let begin = now_ns();
        while now_ns() < begin + 2_000_000 {} // 2000 operations become due
        for _ in 0..1000 {
            let begin = pacer.begin();
            pacer.end(begin, Kind::New);
        }
        let histogram = &pacer.into_histograms()[Kind::New as usize];
        assert_eq!(histogram.sampled(), 1000);
        assert!(histogram.max() >= 1_000_000, "{}", histogram.max());
    }

    #[test]
    fn nobody_waits_for_what_is_due_after_the_end() {
        let phase = AtomicU32::new(phase::STOP);
        let mut pacer = pacer(|request| request.rate = 1e-3, &phase);
        assert_eq!((pacer.begin(), pacer.begin()), (NOT_TIMED, NOT_TIMED));
    }
}
