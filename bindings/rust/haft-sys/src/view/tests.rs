// The look-up over slots that the test writes itself, without the library: Miri runs these, too.

use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::boxed::Box;
use std::os::raw::c_void;
use std::sync::Arc;
use std::thread;
use std::vec;
use std::vec::Vec;

use super::look_up::{look_up, Found, Memory};
use super::{haft_slot, haft_value_inline, haft_view, type_of_live, Slots, HAFT_VIEW_WATCHED};
use crate::{haft_type, HAFT_OK};

/// Four slots. A handle is `generation << 3 | slot << 1 | 1`.
struct Table {
    gate: AtomicUsize,
    slots: [haft_slot; 4],
}

impl Table {
    fn new() -> Box<Table> {
        let word = || AtomicUsize::new(usize::MAX - 1);
        let pointer = || AtomicPtr::new(ptr::null_mut());
        let slot = || haft_slot {
            users: word(),
            object: pointer(),
            type_: pointer(),
            state: word(),
            content_object: ptr::null_mut::<c_void>().into(),
            content_type: ptr::null::<haft_type>().into(),
            content_destroy: None.into(),
            content_context: ptr::null_mut::<c_void>().into(),
        };
        Box::new(Table {
            gate: AtomicUsize::new(0),
            slots: [slot(), slot(), slot(), slot()],
        })
    }

    fn view(&self) -> haft_view {
        haft_view {
            table: ptr::null_mut(),
            gate: ptr::addr_of!(self.gate).cast(),
            slots: self.slots.as_ptr() as *mut haft_slot, // nothing writes by it
            mask: 3 * mem::size_of::<haft_slot>(),
            generation: 8,
            generations: !7,
        }
    }

    /// Publishes as the library does.
    fn publish(&self, handle: usize, object: usize, type_of: usize) {
        let slot = &self.slots[handle >> 1 & 3];
        slot.object.store(object as *mut c_void, Ordering::Release);
        slot.type_.store(type_of as *mut c_void, Ordering::Release);
        slot.state.store(handle, Ordering::Release);
    }

    fn end(&self, handle: usize) {
        self.slots[handle >> 1 & 3].state.store(handle ^ 1, Ordering::SeqCst);
    }
}

fn found(object: usize, type_of: usize) -> Found {
    Found {
        object: object as *mut c_void,
        type_of: type_of as *mut c_void,
    }
}

const fn handle(generation: usize, slot: usize) -> usize {
    generation << 3 | slot << 1 | 1
}

#[test]
fn look_up_finds_what_was_published_and_nothing_else() {
    let table = Table::new();
    let view = table.view();
    // No two differ in one bit.
    let live = |slot: usize| handle(5 << (3 * slot), slot);
    for slot in 0..4 {
        table.publish(live(slot), 1000 + slot, 2000 + slot);
    }
    for slot in 0..4 {
        let found = look_up(&Slots(&view), live(slot));
        assert_eq!(found, Some(self::found(1000 + slot, 2000 + slot)));
        for bit in 0..usize::BITS {
            assert_eq!(
                look_up(&Slots(&view), live(slot) ^ 1 << bit),
                None,
                "slot {slot}, bit {bit}"
            );
        }
    }
    for word in [0, usize::MAX, handle(4, 0), handle(6, 0)] {
        assert_eq!(look_up(&Slots(&view), word), None);
    }
    table.end(live(2));
    assert_eq!(look_up(&Slots(&view), live(2)), None);
    assert!(look_up(&Slots(&view), live(3)).is_some());
}

#[test]
fn look_up_is_left_to_the_call_while_diagnostics_watch() {
    let table = Table::new();
    let view = table.view();
    table.publish(handle(1, 0), 8, 16);
    for (gate, found) in [(HAFT_VIEW_WATCHED, false), (0, true), (2, true), (usize::MAX, true)] {
        table.gate.store(gate, Ordering::Relaxed);
        assert_eq!(look_up(&Slots(&view), handle(1, 0)).is_some(), found, "gate {gate}");
    }
}

#[test]
fn inline_value_compares_the_descriptor_and_takes_null_for_any() {
    let table = Table::new();
    let view = table.view();
    let of = haft_type {
        name: ptr::null(),
        identity: ptr::null(),
        destroy: None,
        size: 0,
        alignment: 0,
    };
    let mut value = 7_u32;
    let address: *mut u32 = &mut value;
    table.publish(handle(1, 3), address as usize, ptr::addr_of!(of) as usize);
    for wanted in [ptr::addr_of!(of), ptr::null()] {
        let mut object = ptr::null_mut();
        // SAFETY: the view is of a table of the test, and the call is not needed.
        let status = unsafe { haft_value_inline(&view, handle(1, 3), wanted, &mut object) };
        assert_eq!((status, object), (HAFT_OK, address.cast()));
    }
}

#[test]
fn type_of_live_is_told_while_diagnostics_watch() {
    let table = Table::new();
    let view = table.view();
    table.publish(handle(1, 0), 8, 16);
    table.gate.store(HAFT_VIEW_WATCHED, Ordering::Relaxed);
    // SAFETY: as above.
    unsafe {
        assert_eq!(type_of_live(&view, handle(1, 0)) as usize, 16);
        assert!(type_of_live(&view, handle(2, 0)).is_null());
    }
}

/// The changes that threads may make to one slot between any two loads of a look-up, as a sequence of single stores.
const HISTORY: [(Word, usize); 10] = [
    (Word::Object, 10),
    (Word::Type, 11),
    (Word::State, handle(1, 0)),
    (Word::State, handle(1, 0) ^ 1),
    (Word::Object, 20),
    (Word::Type, 21),
    (Word::State, handle(2, 0)),
    (Word::State, handle(2, 0) ^ 1),
    (Word::Object, 30),
    (Word::Type, 31),
];

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Object,
    Type,
    State,
}

/// A slot whose history goes on by `steps[i]` before the i-th load.
struct Replay {
    steps: [usize; 4],
    loads: core::cell::Cell<usize>,
    done: core::cell::Cell<usize>,
}

impl Replay {
    fn load(&self, word: Word) -> usize {
        let step = self.steps[self.loads.replace(self.loads.get() + 1)];
        self.done.set((self.done.get() + step).min(HISTORY.len()));
        let past = &HISTORY[..self.done.get()];
        past.iter()
            .rev()
            .find(|(written, _)| *written == word)
            .map_or(0, |(_, value)| *value)
    }
}

impl Memory for Replay {
    fn is_watched(&self) -> bool {
        false
    }
    fn slot(&self, _: usize) -> usize {
        0
    }
    fn state(&self, _: usize, _: Ordering) -> usize {
        self.load(Word::State)
    }
    fn object(&self, _: usize, _: Ordering) -> *mut c_void {
        self.load(Word::Object) as *mut c_void
    }
    fn type_of(&self, _: usize, _: Ordering) -> *mut c_void {
        self.load(Word::Type) as *mut c_void
    }
}

/// Every interleaving of the loads with the life of a slot, as one order of all of them. The models add what weaker
/// orders allow.
#[test]
fn no_interleaving_shows_a_handle_the_object_of_another() {
    // Miri is slow, and sees nothing in this.
    let all: Vec<usize> = if cfg!(miri) {
        vec![0, 1, 3, 4]
    } else {
        (0..=HISTORY.len()).collect()
    };
    let (mut found_first, mut refused) = (0, 0);
    for &a in &all {
        for &b in &all {
            for &c in &all {
                for &d in &all {
                    for (word, object) in [(handle(1, 0), 10), (handle(2, 0), 20)] {
                        let replay = Replay {
                            steps: [a, b, c, d],
                            loads: 0.into(),
                            done: 0.into(),
                        };
                        match look_up(&replay, word) {
                            Some(found) => {
                                assert_eq!(found, self::found(object, object + 1), "{a} {b} {c} {d}");
                                found_first += usize::from(object == 10);
                            }
                            None => refused += 1,
                        }
                    }
                }
            }
        }
    }
    // The first handle is found if its three stores come before the first load (a is 3) and its end after the last
    // (nothing in between).
    assert_eq!(found_first, 1);
    assert!(refused > all.len().pow(4), "{refused}");
}

#[test]
fn look_ups_beside_a_thread_that_publishes_and_ends() {
    let table: Arc<Table> = Arc::from(Table::new());
    let generations = if cfg!(miri) { 200 } else { 100_000 };
    let reader = {
        let table = Arc::clone(&table);
        thread::spawn(move || {
            let view = table.view();
            let mut seen = 0;
            let mut generation = 1;
            while generation < generations {
                match look_up(&Slots(&view), handle(generation, 0)) {
                    Some(found) => {
                        assert_eq!(found, self::found(generation * 2, generation * 2 + 1));
                        seen += 1;
                    }
                    None => generation += 1,
                }
                if table.slots[1].state.load(Ordering::Relaxed) == 1 {
                    break;
                }
            }
            seen
        })
    };
    for generation in 1..generations {
        table.publish(handle(generation, 0), generation * 2, generation * 2 + 1);
        table.end(handle(generation, 0));
    }
    table.slots[1].state.store(1, Ordering::Relaxed);
    reader.join().unwrap();
}
