//! Measures handles beside the ways that Rust's bindings have today. Prints ns: for the rows of the first part, of
//! new, a look-up that keeps the value alive, and delete of one object; for those of the second part, of one look-up
//! among 100 live objects.
//!
//! The rounds of all rows are interleaved. Each number is the least of all rounds, and the median follows in
//! brackets. With an argument, it is the number of rounds (`--bench`, which cargo adds, is ignored).

#![allow(clippy::cast_precision_loss)] // of nanoseconds

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex, RwLock};
use std::thread;
use std::time::Instant;

use haft::{Handle, LocalHandle};

/// Hides from the optimizer where the value comes from. (`std::hint::black_box` is newer than Rust 1.63.)
fn black_box<T: Copy>(value: T) -> T {
    // SAFETY: it is a T.
    unsafe { std::ptr::addr_of!(value).read_volatile() }
}

const TURNS: u64 = 20_000;
const LIVE: usize = 100;

/// A row: what one turn is, given its number. It is made anew for each thread, by `begin`.
struct Row {
    name: &'static str,
    begin: Box<dyn Fn() -> Box<dyn FnMut()> + Sync>,
}

fn row<W: FnMut(u64) + 'static>(name: &'static str, begin: impl Fn() -> W + Sync + 'static) -> Row {
    let begin = move || {
        let mut turn = begin();
        // The loop is compiled for each row, so that the turns are not called through a pointer.
        let run: Box<dyn FnMut()> = Box::new(move || (0..TURNS).for_each(&mut turn));
        run
    };
    Row {
        name,
        begin: Box::new(begin),
    }
}

type Map = Mutex<HashMap<u64, Arc<u64>>>;

fn map_turn(map: &Map, next: &AtomicU64, i: u64) {
    let key = next.fetch_add(1, Relaxed);
    map.lock().unwrap().insert(key, Arc::new(i));
    let value = map.lock().unwrap().get(&black_box(key)).cloned().unwrap();
    assert_eq!(*value, i);
    map.lock().unwrap().remove(&key).unwrap();
}

fn life_cycles() -> Vec<Row> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let map: Arc<Map> = Arc::default();
    vec![
        row("Mutex<HashMap<u64, Arc<u64>>>", move || {
            let map = Arc::clone(&map);
            move |i| map_turn(&map, &NEXT, i)
        }),
        row("Handle: new, pin, delete", || {
            |i| {
                let handle = black_box(Handle::new(i).unwrap());
                assert_eq!(*handle.pin().unwrap(), i);
                handle.delete().unwrap();
            }
        }),
        row("Handle: new, value (unsafe), delete", || {
            |i| {
                let handle = black_box(Handle::new(i).unwrap());
                // SAFETY: nobody else has the handle.
                assert_eq!(*unsafe { handle.value() }.unwrap(), i);
                handle.delete().unwrap();
            }
        }),
        row("Handle: new, take", || {
            |i| {
                let handle = black_box(Handle::new(i).unwrap());
                assert_eq!(handle.take().unwrap(), i);
            }
        }),
        row("Handle<Arc>: from_arc, pin, delete", || {
            |i| {
                let handle = black_box(Handle::from_arc(Arc::new(i)).unwrap());
                assert_eq!(**handle.pin().unwrap(), i);
                handle.delete().unwrap();
            }
        }),
        row("LocalHandle: new, with, delete", || {
            |i| {
                let handle = black_box(LocalHandle::new(Cell::new(i)).unwrap());
                assert_eq!(handle.with(Cell::get).unwrap(), i);
                handle.delete().unwrap();
            }
        }),
        row("Arc::into_raw, unchecked", || {
            |i| {
                let pointer = black_box(Arc::into_raw(Arc::new(i)));
                // SAFETY: nobody else has it. A second delete, or a use after it, would be undefined behaviour.
                unsafe {
                    Arc::increment_strong_count(pointer);
                    assert_eq!(*Arc::from_raw(pointer), i);
                    drop(Arc::from_raw(pointer));
                }
            }
        }),
    ]
}

/// Makes a row that goes around `LIVE` things, of which the i-th has the value i.
fn look_up<H: Copy + 'static>(
    name: &'static str,
    make: impl Fn(u64) -> H + Sync + 'static,
    get: impl Fn(H) -> u64 + Copy + Sync + 'static,
    end: impl Fn(H) + Copy + Sync + 'static,
) -> Row {
    struct Live<H, E: Fn(H)>(Vec<H>, E)
    where
        H: Copy;
    impl<H: Copy, E: Fn(H)> Drop for Live<H, E> {
        fn drop(&mut self) {
            self.0.iter().for_each(|one| (self.1)(*one));
        }
    }
    let begin = move || {
        let live = Live((0..LIVE as u64).map(&make).collect(), end);
        let run: Box<dyn FnMut()> = Box::new(move || {
            let words = &*live.0;
            let mut at = 0;
            for _ in 0..TURNS {
                assert_eq!(get(black_box(words[at])), at as u64);
                at = if at + 1 == words.len() { 0 } else { at + 1 };
            }
        });
        run
    };
    Row {
        name,
        begin: Box::new(begin),
    }
}

fn look_ups() -> Vec<Row> {
    static MAP: Mutex<Option<HashMap<u64, Arc<u64>>>> = Mutex::new(None);
    static SHARED: RwLock<Option<HashMap<u64, Arc<u64>>>> = RwLock::new(None);
    let full = || Some((0..LIVE as u64).map(|key| (key, Arc::new(key))).collect());
    *MAP.lock().unwrap() = full();
    *SHARED.write().unwrap() = full();
    vec![
        look_up(
            "Mutex<HashMap<u64, Arc<u64>>>: get",
            |key| key,
            |key| *MAP.lock().unwrap().as_ref().unwrap().get(&key).cloned().unwrap(),
            |_| (),
        ),
        look_up(
            "RwLock<HashMap<u64, Arc<u64>>>: get",
            |key| key,
            |key| *SHARED.read().unwrap().as_ref().unwrap().get(&key).cloned().unwrap(),
            |_| (),
        ),
        look_up(
            "Handle::pin",
            |i| Handle::new(i).unwrap(),
            |handle| *handle.pin().unwrap(),
            |handle| handle.delete().unwrap(),
        ),
        look_up(
            "Handle<Arc>::get",
            |i| Handle::from_arc(Arc::new(i)).unwrap(),
            |handle| *handle.get().unwrap(),
            |handle| handle.delete().unwrap(),
        ),
        look_up(
            "Handle::value (unsafe)",
            |i| Handle::new(i).unwrap(),
            // SAFETY: each thread has handles of its own.
            |handle| *unsafe { handle.value() }.unwrap(),
            |handle| handle.delete().unwrap(),
        ),
        look_up(
            "LocalHandle::with",
            |i| LocalHandle::new(Cell::new(i)).unwrap(),
            |handle| handle.with(Cell::get).unwrap(),
            |handle| handle.delete().unwrap(),
        ),
        look_up(
            "pointer, unchecked",
            |i| Box::into_raw(Box::new(i)),
            // SAFETY: it lives until `end`.
            |pointer| unsafe { *pointer },
            // SAFETY: as above.
            |pointer| drop(unsafe { Box::from_raw(pointer) }),
        ),
    ]
}

/// Returns the time from the first start of a thread to the last end of one.
fn measure(threads: usize, row: &Row) -> f64 {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let work = || {
            let mut run = (row.begin)();
            start.wait();
            let begin = Instant::now();
            run();
            (begin, Instant::now())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let times = workers.into_iter().map(|worker| worker.join().unwrap());
        let (begins, ends): (Vec<_>, Vec<_>) = times.unzip();
        let elapsed = *ends.iter().max().unwrap() - *begins.iter().min().unwrap();
        elapsed.as_nanos() as f64 / TURNS as f64
    })
}

fn print(title: &str, rows: &[Row], rounds: usize) {
    let mut times = vec![[vec![], vec![]]; rows.len()];
    for _ in 0..rounds {
        for (row, times) in rows.iter().zip(&mut times) {
            times[0].push(measure(1, row));
            times[1].push(measure(2, row));
        }
    }
    println!(
        "{title:40}{:>16}{:>9}{:>16}{:>9}",
        "1 thread", "ratio", "2 threads", "ratio"
    );
    let mut rival = None;
    for (row, times) in rows.iter().zip(times) {
        let numbers = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            (times[0], times[times.len() / 2])
        });
        let rival = *rival.get_or_insert(numbers);
        print!("{:40}", row.name);
        for ((least, median), (of_rival, _)) in numbers.iter().zip(rival) {
            print!("{:>16}{:>9.2}", format!("{least:.1} ({median:.1})"), least / of_rival);
        }
        println!();
    }
}

fn main() {
    let rounds = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(40);
    print("new, look-up and delete, ns", &life_cycles(), rounds);
    print("one look-up, ns", &look_ups(), rounds);
}
