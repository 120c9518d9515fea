//! Measures new, value and delete, beside the ways that Rust's bindings have today. Prints the median of interleaved
//! repetitions, in ns for all three.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Instant;

use haft::Handle;

/// Hides from the optimizer where the value comes from.
fn black_box<T: Copy>(value: T) -> T {
    // SAFETY: it is a T.
    unsafe { std::ptr::read_volatile(&value) }
}

const REPETITIONS: usize = 15;
const TURNS: u64 = 50_000;

fn haft_handle(i: u64) {
    let handle = Handle::new(i).unwrap();
    assert_eq!(*black_box(handle).pin().unwrap(), i);
    handle.delete().unwrap();
}

static NEXT: AtomicU64 = AtomicU64::new(1);

fn mutex_map(i: u64, map: &Mutex<HashMap<u64, Arc<u64>>>) {
    let key = NEXT.fetch_add(1, Relaxed);
    map.lock().unwrap().insert(key, Arc::new(i));
    let value = map.lock().unwrap().get(&black_box(key)).cloned().unwrap();
    assert_eq!(*value, i);
    map.lock().unwrap().remove(&key).unwrap();
}

// Unchecked: a second delete, or a use after it, is undefined behaviour.
fn raw_arc(i: u64) {
    let pointer = black_box(Arc::into_raw(Arc::new(i)));
    unsafe {
        Arc::increment_strong_count(pointer);
        assert_eq!(*Arc::from_raw(pointer), i);
        drop(Arc::from_raw(pointer));
    }
}

// Returns the time from the first start of a thread to the last end of one.
fn measure(threads: usize, turn: &(dyn Fn(u64) + Sync)) -> f64 {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let work = || {
            start.wait();
            let begin = Instant::now();
            (0..TURNS).for_each(turn);
            (begin, Instant::now())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let times = workers.into_iter().map(|worker| worker.join().unwrap());
        let (begins, ends): (Vec<_>, Vec<_>) = times.unzip();
        let elapsed = *ends.iter().max().unwrap() - *begins.iter().min().unwrap();
        elapsed.as_nanos() as f64 / TURNS as f64
    })
}

fn main() {
    let map = Mutex::new(HashMap::new());
    let with_map = |i| mutex_map(i, &map);
    let rows: [(&str, &(dyn Fn(u64) + Sync)); 3] = [
        ("haft::Handle", &haft_handle),
        ("Mutex<HashMap<u64, Arc>>", &with_map),
        ("Arc::into_raw, unchecked", &raw_arc),
    ];
    println!("{:28}{:>10}{:>10}", "ns a turn", "1 thread", "2 threads");
    let mut times = vec![[vec![], vec![]]; rows.len()];
    for _ in 0..REPETITIONS {
        for (row, times) in rows.iter().zip(&mut times) {
            times[0].push(measure(1, row.1));
            times[1].push(measure(2, row.1));
        }
    }
    for ((name, _), times) in rows.iter().zip(times) {
        let [one, two] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!("{name:28}{one:10.1}{two:10.1}");
    }
}
