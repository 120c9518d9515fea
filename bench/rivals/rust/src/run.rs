//! Runs a workload once with all of its threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::thread;

use crate::clock::now_ns;
use crate::cpus::{SeenCpus, bind_thread};
use crate::histogram::Histogram;
use crate::pacer::phase;
use crate::process::{Memory, Usage, has_huge_pages, memory_now, usage_now};
use crate::request::{NotRun, Request, Think, refused};
use crate::tally::{KINDS, Tally};
use crate::think::{Thinker, measure_turn};
use crate::workload::{Context, Task, Workload};

pub struct ThreadResult {
    /// The measured time by the thread's own clock.
    pub ns: i64,
    /// The counts during that time, with the wrong answers of the whole run.
    pub tally: Tally,
    pub cpus: SeenCpus,
    /// Those of the thread's pacer.
    pub latency: Vec<Histogram>,
}

#[derive(Default)]
pub struct RunResult {
    pub threads: Vec<ThreadResult>,
    /// That of the process while it was measured.
    pub usage: Usage,
    /// That at the end of that time.
    pub memory: Memory,
    /// Whether there were any then; nothing if they were not asked for or the kernel does not say.
    pub huge_pages: Option<bool>,
    pub think_ns: f64,
    /// Wrong answers about the stock.
    pub verified: Tally,
}

/// How many steps a thread does before it looks at the clock: enough to make that cheap, and so few that it notices the end in
/// time.
struct ChunkSize(usize);

impl ChunkSize {
    fn adapt(&mut self, took_ns: i64) {
        const LEAST_NS: i64 = 50_000;
        const MOST_NS: i64 = 500_000;
        const MOST_STEPS: usize = 1 << 20;
        if took_ns < LEAST_NS {
            if self.0 < MOST_STEPS {
                self.0 *= 2;
            }
        } else if took_ns > MOST_NS && self.0 > 1 {
            self.0 /= 2;
        }
    }
}

#[repr(align(128))]
struct Apart<T>(T);

/// Facts about the measurement, of which there is one for all threads.
#[derive(Default)]
struct Noted {
    usage_at_begin: Usage,
    measured_from: i64,
    end: Option<(Usage, Memory, Option<bool>)>,
    failure: Option<NotRun>,
}

/// The state that all threads share.
struct Running<'r> {
    request: &'r Request,
    workload: &'r dyn Workload,
    turn_ns: f64,
    warm_up_ns: i64,
    arrived: AtomicUsize,
    phase: Apart<AtomicU32>,
    /// Written before the phase that needs it.
    stop_at: Apart<AtomicI64>,
    noted: Apart<Mutex<Noted>>,
}

impl Running<'_> {
    /// Runs thread `index`. Returns nothing if it cannot run.
    fn thread(&self, index: usize) -> Option<ThreadResult> {
        let Some((mut context, mut task)) = self.prepare(index) else {
            self.wait_for_all();
            return None;
        };
        self.wait_for_all();
        let mut result = self.measure(&mut context, &mut *task);
        task.finish(&mut context);
        drop(task);
        result.tally.wrong = context.tally.wrong;
        result.latency = context.pacer.into_histograms();
        Some(result)
    }

    /// Returns nothing, and stops all, if the thread cannot run. It must not leave the others waiting at the barrier.
    fn prepare(&self, index: usize) -> Option<(Context<'_>, Box<dyn Task + '_>)> {
        if let Some(cpus) = &self.request.cpus
            && !bind_thread(&cpus[index])
        {
            let why = format!("thread {index} may not use the CPUs that it is given");
            self.noted.0.lock().unwrap().failure = Some(refused("cpus", why));
            self.phase.0.store(phase::STOP, Ordering::Relaxed);
            return None;
        }
        let context = Context::new(self.request, index, self.turn_ns, &self.phase.0);
        let task = self.workload.new_task(&context);
        Some((context, task))
    }

    /// A barrier on which threads do not sleep, so that they start at the same moment.
    fn wait_for_all(&self) {
        // acq_rel: what a thread has prepared happens before any thread starts.
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.arrived.load(Ordering::Acquire) < self.request.threads {
            thread::yield_now();
        }
    }

    fn measure(&self, context: &mut Context, task: &mut dyn Task) -> ThreadResult {
        let mut at_begin = Tally::default();
        let mut cpus = SeenCpus::default();
        let mut begin = 0;
        let mut measures = false;
        let mut chunk = ChunkSize(1);
        let mut last = now_ns();
        let warm_until = last + self.warm_up_ns;
        if self.warm_up_ns == 0 {
            self.begin_measuring(last);
            (measures, begin) = (true, last);
            cpus.look();
            context.pacer.restart();
        }
        let ns = loop {
            task.run(context, chunk.0);
            cpus.look();
            let now = now_ns();
            // acquire: sees the times that were noted before the phase began.
            let mut phase = self.phase.0.load(Ordering::Acquire);
            if phase == phase::WARM_UP && now >= warm_until {
                phase = self.begin_measuring(now);
            }
            // relaxed: the phase was stored after it.
            if phase == phase::MEASURE && now >= self.stop_at.0.load(Ordering::Relaxed) {
                phase = self.stop_measuring();
            }
            if !measures && phase != phase::WARM_UP {
                (measures, begin) = (true, now);
                at_begin = context.tally.clone();
                cpus = SeenCpus::default();
                cpus.look();
                context.pacer.restart();
                if phase == phase::STOP {
                    // It did not run while the others were measured.
                    begin = now.min(self.noted.0.lock().unwrap().measured_from);
                }
            }
            if phase == phase::STOP || task.is_over() {
                // A time of 0 would make everything infinitely fast.
                break (now - begin).max(1);
            }
            chunk.adapt(now - last);
            last = now;
        };
        let mut tally = context.tally.clone();
        for kind in 0..KINDS {
            tally.attempted[kind] -= at_begin.attempted[kind];
            tally.failed[kind] -= at_begin.failed[kind];
        }
        ThreadResult { ns, tally, cpus, latency: vec![] }
    }

    /// Returns the phase that is then current.
    fn begin_measuring(&self, now: i64) -> u32 {
        let mut noted = self.noted.0.lock().unwrap();
        if self.phase.0.load(Ordering::Relaxed) == phase::WARM_UP {
            noted.usage_at_begin = usage_now();
            noted.measured_from = now;
            // relaxed: the phase is stored after it.
            self.stop_at.0.store(now + self.request.measure_ns, Ordering::Relaxed);
            // release: publishes the time.
            self.phase.0.store(phase::MEASURE, Ordering::Release);
        }
        self.phase.0.load(Ordering::Relaxed)
    }

    fn stop_measuring(&self) -> u32 {
        let mut noted = self.noted.0.lock().unwrap();
        if self.phase.0.load(Ordering::Relaxed) == phase::MEASURE {
            // release: as above, although the others need nothing more.
            self.phase.0.store(phase::STOP, Ordering::Release);
            noted.end = Some(self.note_end(noted.usage_at_begin));
        }
        phase::STOP
    }

    fn note_end(&self, usage_at_begin: Usage) -> (Usage, Memory, Option<bool>) {
        let huge_pages = if self.request.huge_pages { has_huge_pages() } else { None };
        (usage_now() - usage_at_begin, memory_now(), huge_pages)
    }
}

pub fn run(request: &Request, workload: &dyn Workload) -> Result<RunResult, NotRun> {
    let running = Running {
        request,
        workload,
        turn_ns: measure_turn(),
        warm_up_ns: if workload.has_warm_up() { request.warm_up_ns } else { 0 },
        arrived: AtomicUsize::new(0),
        phase: Apart(AtomicU32::new(phase::WARM_UP)),
        stop_at: Apart(AtomicI64::new(0)),
        noted: Apart(Mutex::default()),
    };
    let threads: Vec<Option<ThreadResult>> = thread::scope(|scope| {
        let running = &running;
        let spawned: Vec<_> = (0..request.threads).map(|i| scope.spawn(move || running.thread(i))).collect();
        spawned.into_iter().map(|thread| thread.join().expect("a thread of the run has failed")).collect()
    });
    let mut noted = std::mem::take(&mut *running.noted.0.lock().unwrap());
    if let Some(failure) = noted.failure {
        return Err(failure);
    }
    // Threads that have used up their part end before anybody stops them.
    let (usage, memory, huge_pages) = noted.end.take().unwrap_or_else(|| running.note_end(noted.usage_at_begin));
    let mut result =
        RunResult { threads: threads.into_iter().flatten().collect(), usage, memory, huge_pages, ..RunResult::default() };
    if !matches!(request.think, Think::None) {
        result.think_ns = Thinker::new(&request.think, measure_turn(), request.seed, 0).measure_mean();
    }
    workload.verify(&mut result.verified);
    Ok(result)
}
