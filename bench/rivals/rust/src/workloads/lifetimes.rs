//! Workloads about threads that come, go or sleep.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use super::updates::{Churn, ChurnTask};
use crate::request::{NotRun, Request};
use crate::table::{Table, Value};
use crate::tally::{Kind, Tally};
use crate::workload::{Context, Steps, Task, Workload, task_of};

/// Each step is the life of a thread, which does `lifetime` operations of churn and ends. Its start and its end are part of the
/// time.
pub struct ThreadChurn<T>(Churn<T, false>);

impl<T: Table> ThreadChurn<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        Ok(ThreadChurn(Churn::new(request)?))
    }
}

impl<T: Table> Workload for ThreadChurn<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, ThreadChurnTask(self))
    }
    fn verify(&self, tally: &mut Tally) {
        self.0.verify(tally);
    }
}

struct ThreadChurnTask<'w, T>(&'w ThreadChurn<T>);

impl<T: Table> Steps for ThreadChurnTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let pairs = context.request.lifetime.div_ceil(2);
        let churn = &self.0.0;
        for _ in 0..steps {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let mut life = ChurnTask::<T, false>(churn.0.new_task());
                    life.run::<OBSERVED>(context, pairs);
                });
            });
        }
        context.tally.attempted(Kind::Round, steps);
    }
}

/// Churn beside threads that have used the table once and sleep.
pub struct ChurnBesideIdle<T> {
    churn: Churn<T, false>,
    _bystanders: Bystanders,
}

impl<T: Table> ChurnBesideIdle<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        let churn: Churn<T, false> = Churn::new(request)?;
        let stock = &churn.0.stock;
        let object = stock.objects().at(0);
        let bystanders = Bystanders::new(request.bystanders, || {
            let table = stock.shared_table();
            move || {
                let mut session = T::Session::default();
                if let Some(key) = table.insert(&mut session, T::Value::of(object)) {
                    table.remove(key);
                }
                (table, session)
            }
        });
        Ok(ChurnBesideIdle { churn, _bystanders: bystanders })
    }
}

impl<T: Table> Workload for ChurnBesideIdle<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        self.churn.new_task(context)
    }
    fn verify(&self, tally: &mut Tally) {
        self.churn.verify(tally);
    }
}

/// Threads that have done something and then sleep until they are dropped.
struct Bystanders {
    state: Arc<(Mutex<State>, Condvar)>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    ready: usize,
    is_over: bool,
}

impl Bystanders {
    /// Each of `count` threads calls a function that `make_use` returns, and sleeps with the result kept.
    fn new<U: FnOnce() -> R + Send + 'static, R>(count: usize, make_use: impl Fn() -> U) -> Self {
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let spawn = |_| {
            let (state, use_table) = (state.clone(), make_use());
            thread::spawn(move || {
                let _kept = use_table();
                let (mutex, changed) = &*state;
                let mut guard = mutex.lock().unwrap();
                guard.ready += 1;
                changed.notify_all();
                drop(changed.wait_while(guard, |state| !state.is_over).unwrap());
            })
        };
        let threads = (0..count).map(spawn).collect();
        let (mutex, changed) = &*state;
        drop(changed.wait_while(mutex.lock().unwrap(), |state| state.ready < count).unwrap());
        Bystanders { state, threads }
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        let (mutex, changed) = &*self.state;
        mutex.lock().unwrap().is_over = true;
        changed.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}
