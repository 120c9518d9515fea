//! Loom runs the look-up of haft-sys and the registry of haft, in their own source files, through all interleavings
//! and all values that the memory orders allow. Each model is run with the orders as they are, and must then hold,
//! and with each of them weakened, and must then fail. Prints "N models".

#[path = "../../haft-sys/src/view/look_up.rs"]
mod look_up;
#[path = "../../haft/src/registry.rs"]
#[allow(dead_code)]
mod registry;

/// Atomics in the place of `haft/src/sync.rs`, one order of which can be weakened.
mod sync {
    pub use loom::sync::atomic::Ordering;
    use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

    /// Which order is weakened: one of the constants below.
    pub static WEAK: AtomicU8 = AtomicU8::new(NONE);
    pub const NONE: u8 = 0;
    pub const LOAD: u8 = 1;
    pub const EXCHANGE: u8 = 2;
    pub const FAILED_EXCHANGE: u8 = 3;

    fn order(place: u8, order: Ordering) -> Ordering {
        if WEAK.load(SeqCst) == place {
            Ordering::Relaxed
        } else {
            order
        }
    }

    pub struct AtomicPtr<T>(loom::sync::atomic::AtomicPtr<T>);

    impl<T> AtomicPtr<T> {
        pub fn new(pointer: *mut T) -> Self {
            AtomicPtr(loom::sync::atomic::AtomicPtr::new(pointer))
        }
        pub fn load(&self, load: Ordering) -> *mut T {
            self.0.load(order(LOAD, load))
        }
        pub fn compare_exchange(
            &self,
            old: *mut T,
            new: *mut T,
            success: Ordering,
            failure: Ordering,
        ) -> Result<*mut T, *mut T> {
            self.0.compare_exchange(old, new, order(EXCHANGE, success), order(FAILED_EXCHANGE, failure))
        }
    }
}

use std::any::TypeId;
use std::os::raw::c_void;
use std::panic;
use std::sync::atomic::Ordering::SeqCst;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::Arc;
use loom::thread;

use look_up::{Found, Memory};
use registry::Registry;

fn of(object: usize) -> Found {
    Found { object: object as *mut c_void, type_of: (object + 1) as *mut c_void }
}

/// A slot, the loads of which can be weakened.
struct Slot {
    state: AtomicUsize,
    object: AtomicUsize,
    type_of: AtomicUsize,
    weak: Weak,
}

#[derive(Clone, Copy, PartialEq)]
enum Weak {
    None,
    FirstState,
    ObjectAndType,
}

impl Slot {
    fn new(weak: Weak) -> Arc<Slot> {
        let word = || AtomicUsize::new(0);
        Arc::new(Slot { state: word(), object: word(), type_of: word(), weak })
    }

    /// As the library does.
    fn publish(&self, handle: usize) {
        self.object.store(10 * handle, Ordering::Release);
        self.type_of.store(10 * handle + 1, Ordering::Release);
        self.state.store(handle, Ordering::Release);
    }
    fn end(&self, handle: usize) {
        assert!(self.state.compare_exchange(handle, 100, Ordering::SeqCst, Ordering::Relaxed).is_ok());
    }
}

impl Memory for Slot {
    fn is_watched(&self) -> bool {
        false
    }
    fn slot(&self, _: usize) -> usize {
        0
    }
    fn state(&self, _: usize, order: Ordering) -> usize {
        let weak = self.weak == Weak::FirstState;
        self.state.load(if weak { Ordering::Relaxed } else { order })
    }
    fn object(&self, _: usize, order: Ordering) -> *mut c_void {
        let weak = self.weak == Weak::ObjectAndType;
        self.object.load(if weak { Ordering::Relaxed } else { order }) as *mut c_void
    }
    fn type_of(&self, _: usize, order: Ordering) -> *mut c_void {
        let weak = self.weak == Weak::ObjectAndType;
        self.type_of.load(if weak { Ordering::Relaxed } else { order }) as *mut c_void
    }
}

/// A look-up beside a thread that publishes a handle, ends it, and publishes the slot's next one.
fn look_up_beside_a_reuse(weak: Weak) {
    loom::model(move || {
        let slot = Slot::new(weak);
        let writer = {
            let slot = slot.clone();
            thread::spawn(move || {
                slot.publish(1);
                slot.end(1);
                slot.publish(2);
            })
        };
        for handle in [1, 2] {
            if let Some(found) = look_up::look_up(&*slot, handle) {
                assert_eq!(found, of(10 * handle));
            }
        }
        writer.join().unwrap();
        assert_eq!(look_up::look_up(&*slot, 1), None);
        assert_eq!(look_up::look_up(&*slot, 2), Some(of(20)));
    });
}

/// Three threads that make the records of two types in one bucket. Each reads the contents that its record was made
/// with.
fn records_made_at_once(weak: u8) {
    sync::WEAK.store(weak, SeqCst);
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        // It is never freed, and nor are its records; Loom is told of nothing that it would miss.
        let types: &'static Registry<UnsafeCell<usize>, 1> =
            Box::leak(Box::new(Registry::from_empty([sync::AtomicPtr::new(std::ptr::null_mut())])));
        let ids = [TypeId::of::<u8>(), TypeId::of::<u16>()];
        let read = move |place: usize| {
            let value = match types.get(ids[place]) {
                Some(value) => value,
                None => types.get_or_insert(ids[place], || UnsafeCell::new(place)),
            };
            // Loom checks that the contents were written before.
            value.with(|value| assert_eq!(unsafe { *value }, place));
            value as *const UnsafeCell<usize> as usize
        };
        let other = thread::spawn(move || (read(1), read(0)));
        let third = thread::spawn(move || read(0));
        let own = (read(0), read(1));
        let (other, third) = (other.join().unwrap(), third.join().unwrap());
        assert_eq!((other.1, other.0, third), (own.0, own.1, own.0));
    });
    sync::WEAK.store(sync::NONE, SeqCst);
}

fn main() {
    let mut models = 0;
    let mut holds = |what: &str, model: &(dyn Fn() + panic::RefUnwindSafe)| {
        model();
        println!("holds   {what}");
        models += 1;
    };
    holds("look-up beside a reuse", &|| look_up_beside_a_reuse(Weak::None));
    holds("records made at once", &|| records_made_at_once(sync::NONE));
    let mut fails = |what: &str, model: &(dyn Fn() + panic::RefUnwindSafe)| {
        panic::set_hook(Box::new(|_| ()));
        let failed = panic::catch_unwind(model).is_err();
        drop(panic::take_hook());
        assert!(failed, "it must fail: {what}");
        println!("fails   {what}");
        models += 1;
    };
    fails("look-up, first load of the state relaxed", &|| look_up_beside_a_reuse(Weak::FirstState));
    fails("look-up, loads of object and type relaxed", &|| look_up_beside_a_reuse(Weak::ObjectAndType));
    fails("records, load relaxed", &|| records_made_at_once(sync::LOAD));
    fails("records, exchange relaxed", &|| records_made_at_once(sync::EXCHANGE));
    fails("records, failed exchange relaxed", &|| records_made_at_once(sync::FAILED_EXCHANGE));
    println!("{models} models");
}
