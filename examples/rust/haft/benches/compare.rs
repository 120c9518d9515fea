//! New, value and delete, beside what Rust's bindings do today. Prints the median of interleaved repetitions, in ns for all three.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Instant;

use haft::Handle;

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

fn measure(threads: usize, turn: &(dyn Fn(u64) + Sync)) -> f64 {
    let start = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..TURNS).for_each(turn);
                })
            })
            .collect();
        start.wait();
        let begin = Instant::now();
        workers
            .into_iter()
            .for_each(|worker| worker.join().unwrap());
        begin.elapsed().as_nanos() as f64 / TURNS as f64
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
