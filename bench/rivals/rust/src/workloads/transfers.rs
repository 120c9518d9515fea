//! Workloads whose handles are made by one thread and deleted by another.

use std::thread;

use super::{Stocked, StockedTask};
use crate::calls::Calls;
use crate::random::Random;
use crate::request::{NotRun, Request, refused};
use crate::ring::Ring;
use crate::table::{Key, Table};
use crate::tally::{Kind, Tally, Wrong};
use crate::workload::{Context, Steps, Task, Workload, should_stop, task_of};

/// The rings from `from` threads to `to` others, one for each pair.
struct Rings<const SIZE: usize> {
    to: usize,
    rings: Vec<Ring<SIZE>>,
}

impl<const SIZE: usize> Rings<SIZE> {
    fn new(from: usize, to: usize, limit: usize) -> Self {
        Rings { to, rings: (0..from * to).map(|_| Ring::new(limit)).collect() }
    }
    #[inline(always)]
    fn of(&self, from: usize, to: usize) -> &Ring<SIZE> {
        &self.rings[from * self.to + to]
    }

    /// Deletes the keys that are still on their way.
    fn empty<T: Table>(&self, table: &T, tally: &mut Tally) {
        for ring in &self.rings {
            while let Some(key) = ring.try_pop() {
                if !table.remove(key) {
                    tally.answered(Wrong::NotDeleted);
                }
            }
        }
    }
}

/// The loop of a thread that makes handles: `send(key)` is false if the run ends first.
#[inline(always)]
fn make_and_send<T: Table, const OBSERVED: bool>(
    mut calls: Calls<T, OBSERVED>,
    object: u64,
    steps: usize,
    mut send: impl FnMut(Key) -> bool,
) {
    let mut done = 0;
    while done < steps {
        let key = calls.make(object);
        done += 1;
        match key {
            // Another thread may need this CPU to delete something.
            None => thread::yield_now(),
            Some(key) if !send(key) => {
                calls.delete(key);
                break;
            }
            Some(_) => {}
        }
    }
    calls.tally.attempted(Kind::New, done);
}

/// The loop of a thread that deletes them: `receive()` is nothing if the run ends first.
#[inline(always)]
fn receive_and_delete<T: Table, const OBSERVED: bool>(
    mut calls: Calls<T, OBSERVED>,
    steps: usize,
    mut receive: impl FnMut() -> Option<Key>,
) {
    let mut done = 0;
    while done < steps {
        let Some(key) = receive() else { break };
        calls.delete(key);
        done += 1;
    }
    calls.tally.attempted(Kind::Delete, done);
}

const HAND_OFF_RING: usize = 256;

/// Each thread of even index makes handles and pushes them into a ring. The next thread pops and deletes them.
pub struct HandOff<T> {
    base: Stocked<T>,
    rings: Rings<HAND_OFF_RING>,
}

impl<T: Table> HandOff<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        if request.threads % 2 != 0 {
            return Err(refused("threads", "hand-off needs an even number"));
        }
        let base = Stocked::new(request, HAND_OFF_RING / 2 + 1, false)?;
        Ok(HandOff { base, rings: Rings::new(request.threads / 2, 1, HAND_OFF_RING) })
    }
}

impl<T: Table> Workload for HandOff<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, HandOffTask { base: self.base.new_task(), ring: self.rings.of(context.index / 2, 0) })
    }
    fn verify(&self, tally: &mut Tally) {
        self.rings.empty(self.base.stock.table(), tally);
        self.base.stock.verify(tally);
    }
}

struct HandOffTask<'w, T: Table> {
    base: StockedTask<'w, T>,
    ring: &'w Ring<HAND_OFF_RING>,
}

impl<T: Table> Steps for HandOffTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.base;
        let (index, phase, ring) = (context.index, context.phase, self.ring);
        let object = stock.objects_in_hand(index).at(0);
        let calls = context.calls::<T, OBSERVED>(stock.table(), session);
        if index % 2 == 0 {
            make_and_send(calls, object, steps, |key| ring.push(key, || should_stop(phase)));
        } else {
            receive_and_delete(calls, steps, || ring.pop(|| should_stop(phase)));
        }
    }
}

/// Keys that may wait for a consumer.
const WAITING: usize = 256;

/// The first `producers` threads make handles, and the others delete them. There is a ring for each pair of them. A producer takes
/// the next consumer whose ring has room, and a consumer the next producer whose ring has a key.
pub struct ProducersConsumers<T> {
    base: Stocked<T>,
    rings: Rings<WAITING>,
}

impl<T: Table> ProducersConsumers<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        let (threads, producers) = (request.threads, request.producers);
        if producers >= threads {
            return Err(refused("producers", "there must be a thread that consumes"));
        }
        let consumers = threads - producers;
        // For all threads on average, and one in each hand.
        let base = Stocked::new(request, WAITING * consumers / threads + 2, false)?;
        Ok(ProducersConsumers { base, rings: Rings::new(producers, consumers, (WAITING / producers).max(1)) })
    }
}

impl<T: Table> Workload for ProducersConsumers<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        task_of(context, ProducersConsumersTask { base: self.base.new_task(), rings: &self.rings, next: 0 })
    }
    fn verify(&self, tally: &mut Tally) {
        self.rings.empty(self.base.stock.table(), tally);
        self.base.stock.verify(tally);
    }
}

struct ProducersConsumersTask<'w, T: Table> {
    base: StockedTask<'w, T>,
    rings: &'w Rings<WAITING>,
    next: usize,
}

impl<T: Table> Steps for ProducersConsumersTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.base;
        let (index, phase, producers) = (context.index, context.phase, context.request.producers);
        let consumers = context.request.threads - producers;
        let object = stock.objects_in_hand(index).at(0);
        let calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let (rings, next) = (self.rings, &mut self.next);
        let stop = || should_stop(phase);
        if index < producers {
            make_and_send(calls, object, steps, |key| {
                try_each(next, consumers, stop, |consumer| rings.of(index, consumer).try_push(key).then_some(())).is_some()
            });
        } else {
            receive_and_delete(calls, steps, || {
                try_each(next, producers, stop, |producer| rings.of(producer, index - producers).try_pop())
            });
        }
    }
}

/// Calls `attempt(i)` for the next i below `count` until it returns something. Returns nothing if the run ends first.
#[inline(always)]
fn try_each<R>(next: &mut usize, count: usize, stop: impl Fn() -> bool, attempt: impl Fn(usize) -> Option<R>) -> Option<R> {
    let mut tries = 0;
    while !stop() {
        *next += 1;
        if *next >= count {
            *next = 0;
        }
        if let Some(result) = attempt(*next) {
            return Some(result);
        }
        if tries >= count {
            thread::yield_now();
        }
        tries += 1;
    }
    None
}

const PERMUTATIONS: usize = 64;
/// How many steps later a handle is deleted. Threads that are as far apart need not wait for each other.
const LAG: usize = 16;
/// More than can be on their way between two threads.
const OWNERSHIP_RING: usize = 32;

/// In each step a thread makes a handle, and deletes one that another thread has made a few steps before. A permutation of the
/// threads names the thread that deletes what each of them makes, and the next step has the next permutation. So each thread
/// makes as many as it deletes.
pub struct Ownership<T> {
    base: Stocked<T>,
    rings: Rings<OWNERSHIP_RING>,
    permutations: Vec<Vec<usize>>,
}

impl<T: Table> Ownership<T> {
    pub fn new(request: &Request) -> Result<Self, NotRun> {
        let threads = request.threads;
        // Another stream than those of threads and keys.
        let mut random = Random::new(request.seed, !1);
        let mut permutation = || {
            let mut owners: Vec<usize> = (0..threads).collect();
            for i in (1..threads).rev() {
                owners.swap(i, random.below(i as u64 + 1) as usize);
            }
            owners
        };
        Ok(Ownership {
            base: Stocked::new(request, LAG + 2, false)?,
            rings: Rings::new(threads, threads, OWNERSHIP_RING),
            permutations: (0..PERMUTATIONS).map(|_| permutation()).collect(),
        })
    }
}

impl<T: Table> Workload for Ownership<T> {
    fn new_task<'w>(&'w self, context: &Context) -> Box<dyn Task + 'w> {
        let index = context.index;
        let from = |owners: &Vec<usize>| owners.iter().position(|owner| *owner == index).unwrap();
        let to = self.permutations.iter().map(|owners| self.rings.of(index, owners[index])).collect();
        let from = self.permutations.iter().map(|owners| self.rings.of(from(owners), index)).collect();
        task_of(context, OwnershipTask { base: self.base.new_task(), to, from, step: 0 })
    }
    fn verify(&self, tally: &mut Tally) {
        self.rings.empty(self.base.stock.table(), tally);
        self.base.stock.verify(tally);
    }
}

struct OwnershipTask<'w, T: Table> {
    base: StockedTask<'w, T>,
    to: Vec<&'w Ring<OWNERSHIP_RING>>,
    from: Vec<&'w Ring<OWNERSHIP_RING>>,
    step: usize,
}

impl<T: Table> Steps for OwnershipTask<'_, T> {
    fn run<const OBSERVED: bool>(&mut self, context: &mut Context, steps: usize) {
        let StockedTask { stock, session } = &mut self.base;
        let phase = context.phase;
        let object = stock.objects_in_hand(context.index).at(0);
        let mut calls = context.calls::<T, OBSERVED>(stock.table(), session);
        let stop = || should_stop(phase);
        let mut made = 0;
        let mut deleted = 0;
        while deleted < steps {
            let key = calls.make(object);
            made += 1;
            let Some(key) = key else {
                if stop() {
                    break;
                }
                thread::yield_now();
                continue;
            };
            let step = self.step;
            self.step += 1;
            if !self.to[step % PERMUTATIONS].push(key, stop) {
                calls.delete(key);
                break;
            }
            if step < LAG {
                continue;
            }
            let Some(key) = self.from[(step - LAG) % PERMUTATIONS].pop(stop) else { break };
            calls.delete(key);
            deleted += 1;
        }
        calls.tally.attempted(Kind::New, made);
        calls.tally.attempted(Kind::Delete, deleted);
    }
}
