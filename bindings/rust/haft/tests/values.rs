//! Arcs, boxes, owners and look-ups without a pin.

#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(miri)]
mod fake;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::thread;

use haft::{Error, ErrorKind, Handle, OwnedHandle, Table};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn handle_of_an_arc_allocates_nothing_and_counts_once() -> Result<(), Error> {
    let shared = Arc::new(String::from("shared"));
    Handle::from_arc(shared.clone())?.delete()?; // the first use of the type
    let copy = shared.clone();
    let mut handle = None;
    assert_eq!(allocations(|| handle = Some(Handle::from_arc(copy).unwrap())), 0);
    let handle = handle.unwrap();
    assert_eq!(Arc::strong_count(&shared), 2);
    let pin = handle.pin()?;
    assert!(Arc::ptr_eq(&pin, &shared));
    let mut got = None;
    assert_eq!(allocations(|| got = Some(handle.get().unwrap())), 0);
    handle.delete()?;
    assert_eq!(Arc::strong_count(&shared), 3); // of the pin, and `got`
    assert_eq!(**pin, "shared");
    drop(pin);
    assert_eq!(Arc::strong_count(&shared), 2);
    assert_eq!(handle.get().unwrap_err(), ErrorKind::Stale);
    drop(got);

    let handle = Handle::from_arc(shared.clone())?;
    let taken = handle.take()?;
    assert!(Arc::ptr_eq(&taken, &shared));
    assert_eq!(Arc::strong_count(&shared), 2);
    Ok(())
}

#[test]
fn boxed_and_direct_arcs_are_one_type() -> Result<(), Error> {
    let shared = Arc::new(AtomicUsize::new(1));
    let (direct, boxed) = (Handle::from_arc(shared.clone())?, Handle::new(shared.clone())?);
    for handle in [direct, boxed] {
        handle.pin()?.fetch_add(1, SeqCst);
        assert!(Arc::ptr_eq(&handle.get()?, &shared));
        // SAFETY: nobody deletes it meanwhile.
        assert!(Arc::ptr_eq(&*unsafe { handle.value() }?, &shared));
        handle.delete()?;
    }
    assert_eq!(shared.load(SeqCst), 3);
    assert_eq!(Arc::strong_count(&shared), 1);
    Ok(())
}

#[test]
fn arcs_of_what_has_no_size_work_as_well() -> Result<(), Error> {
    let text: Arc<str> = Arc::from("wide");
    let handle = Handle::from_arc(text.clone())?;
    assert_eq!(&*handle.get()?, "wide");
    handle.delete()?;
    let function: Arc<dyn Fn(i32) -> i32 + Send + Sync> = Arc::new(|x| x + 1);
    let handle = Handle::from_arc(function)?;
    assert_eq!(handle.pin()?(1), 2);
    handle.delete()?;
    assert_eq!(Arc::strong_count(&text), 1);
    Ok(())
}

#[test]
fn full_table_gives_an_arc_and_a_box_back() -> Result<(), Error> {
    let table = Table::new(1)?;
    while table.insert(0_u8).is_ok() {}
    let arc = Arc::new(3);
    let refused = table.insert_arc(arc.clone()).unwrap_err();
    assert_eq!(refused.error, ErrorKind::Full);
    assert!(Arc::ptr_eq(&refused.value, &arc));
    drop(refused);
    assert_eq!(Arc::strong_count(&arc), 1);
    let value = Box::new(4);
    let address: *const i32 = &*value;
    let refused = table.insert_box(value).unwrap_err();
    assert_eq!(refused.error, ErrorKind::Full);
    assert!(std::ptr::eq(&*refused.value, address));
    Ok(())
}

#[test]
fn box_becomes_a_handle_without_a_copy() -> Result<(), Error> {
    let first: Box<[u8; 1 << 16]> = vec![0_u8; 1 << 16].into_boxed_slice().try_into().unwrap();
    Handle::from_box(first)?.delete()?; // the first use of the type
    let value = vec![7_u8; 1 << 16].into_boxed_slice();
    let value: Box<[u8; 1 << 16]> = value.try_into().unwrap();
    let address: *const [u8; 1 << 16] = &*value;
    let mut handle = None;
    assert_eq!(allocations(|| handle = Some(Handle::from_box(value).unwrap())), 0);
    let handle = handle.unwrap();
    assert!(std::ptr::eq(&*handle.pin()?, address));
    handle.delete()
}

#[test]
fn values_without_a_size_and_of_every_alignment_come_back() -> Result<(), Error> {
    #[derive(Debug, PartialEq)]
    #[repr(align(128))]
    struct Aligned(u8);
    #[derive(Debug, PartialEq)]
    struct Nothing;
    Handle::new(())?.delete()?;
    let handle = Handle::new(Nothing)?;
    assert_eq!(*handle.pin()?, Nothing);
    assert_eq!(handle.take()?, Nothing);
    let handle = Handle::new(Aligned(3))?;
    assert_eq!(std::ptr::addr_of!(*handle.pin()?) as usize % 128, 0);
    assert_eq!(handle.take()?, Aligned(3));
    for word in [0, 1, usize::MAX] {
        assert_eq!(Handle::new(word)?.take()?, word);
    }
    assert_eq!(*Handle::new("text")?.take()?, *"text");
    Ok(())
}

#[test]
fn owner_deletes_when_it_is_dropped_and_only_then() -> Result<(), Error> {
    let value = Arc::new(());
    let owner = OwnedHandle::new(value.clone())?;
    let handle = owner.handle();
    let pin = owner.pin()?;
    assert_eq!(Arc::strong_count(&value), 2);
    drop(owner);
    assert_eq!(handle.check().unwrap_err(), ErrorKind::Stale);
    assert_eq!(Arc::strong_count(&value), 2);
    drop(pin);
    assert_eq!(Arc::strong_count(&value), 1);

    // If another has deleted it, nothing is left to do, and nothing else is deleted.
    let owner = OwnedHandle::from_arc(value.clone())?;
    owner.handle().delete()?;
    let other = OwnedHandle::from_arc(value.clone())?;
    drop(owner);
    assert!(other.handle().is_live());
    assert_eq!(Arc::strong_count(&value), 2);

    let handle = other.into_handle();
    assert!(handle.is_live());
    OwnedHandle::from(handle).delete()?;
    assert!(!handle.is_live());
    assert_eq!(Arc::strong_count(&value), 1);
    Ok(())
}

#[test]
fn owner_comes_back_if_its_value_cannot_be_taken() -> Result<(), Error> {
    let owner = OwnedHandle::new(5)?;
    let pin = owner.pin()?;
    let refused = owner.take().unwrap_err();
    assert_eq!(refused.error, ErrorKind::Pinned);
    drop(pin);
    assert_eq!(refused.value.take().map_err(Error::from)?, 5);
    let owner = OwnedHandle::new(6)?;
    owner.handle().delete()?;
    assert_eq!(owner.delete().unwrap_err(), ErrorKind::Stale);
    Ok(())
}

#[test]
fn look_ups_without_a_pin_answer_as_those_with_one() -> Result<(), Error> {
    let table = Table::new(100)?;
    let handle = table.insert(AtomicU64::new(5))?;
    // SAFETY: nobody deletes it meanwhile.
    unsafe {
        table.value(handle)?.store(6, SeqCst);
        assert_eq!(table.value(handle)?.load(SeqCst), 6);
    }
    assert!(table.is_live(handle));
    table.check(handle)?;
    let words = [0, 2, handle.word() ^ 1 << 20, handle.word() ^ 1, usize::MAX];
    for word in words {
        let forged = Handle::<AtomicU64>::from_word(word);
        let kind = table.pin(forged).unwrap_err().kind();
        assert_eq!(table.check(forged).unwrap_err(), kind, "{word:#x}");
        assert_eq!(unsafe { table.value(forged) }.unwrap_err(), kind, "{word:#x}");
        assert!(!table.is_live(forged));
    }
    let other = Handle::<u64>::from_word(handle.word());
    assert_eq!(table.check(other).unwrap_err(), ErrorKind::WrongType);
    assert_eq!(handle.check().unwrap_err(), ErrorKind::NeverIssued); // in the process's table
    table.delete(handle)?;
    assert_eq!(unsafe { table.value(handle) }.unwrap_err(), ErrorKind::Stale);
    assert!(!table.is_live(handle));
    Ok(())
}

#[test]
fn handles_of_a_slot_that_is_reused_are_live_or_stale() -> Result<(), Error> {
    // A table of few slots, so that they are used again at once.
    let table = Table::new(1)?;
    let latest = AtomicUsize::new(table.insert(0_u64)?.word());
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..if cfg!(miri) { 50 } else { 50_000_u64 } {
                let old = Handle::<u64>::from_word(latest.load(SeqCst));
                let new = table.insert(number).map_err(|refused| refused.error);
                match new {
                    Ok(handle) => latest.store(handle.word(), SeqCst),
                    Err(error) => assert_eq!(error, ErrorKind::Full),
                }
                let _ = table.delete(old);
            }
            done.store(1, SeqCst);
        });
        while done.load(SeqCst) == 0 {
            let handle = Handle::<u64>::from_word(latest.load(SeqCst));
            match table.check(handle) {
                Ok(()) => (),
                Err(error) => assert_eq!(error, ErrorKind::Stale),
            }
        }
    });
    Ok(())
}

#[test]
fn types_of_equal_name_are_refused_as_each_other() -> Result<(), Error> {
    mod one {
        pub fn make() -> impl Send + Sync + Copy + 'static {
            #[derive(Clone, Copy)]
            struct Same(#[allow(dead_code)] u64);
            Same(1)
        }
    }
    fn refuses<A: Send + Sync + 'static, B: Send + Sync + 'static>(a: A, _: B) -> Result<(), Error> {
        let handle = Handle::new(a)?;
        let other = Handle::<B>::from_word(handle.word());
        assert_eq!(other.check().unwrap_err(), ErrorKind::WrongType);
        assert_eq!(other.pin().map(|_| ()).unwrap_err(), ErrorKind::WrongType);
        assert_eq!(other.delete().unwrap_err(), ErrorKind::WrongType);
        handle.delete()
    }
    // Equal layouts and equal (empty) drops, in one case with names that differ in their module only.
    #[derive(Clone, Copy)]
    struct Same(#[allow(dead_code)] u64);
    refuses(one::make(), Same(1))?;
    refuses(1_u64, 1_i64)?;
    refuses(std::num::Wrapping(1_u64), 1_u64)?;
    // These have one name for std::any::type_name in some compilers' view: two closures of one function.
    refuses(|x: u64| x, |x: u64| x)
}

#[test]
#[cfg_attr(miri, ignore)] // which has no for_each
fn table_visits_its_values_of_one_type() -> Result<(), Error> {
    let table = Table::new(100)?;
    for number in 0..10_u32 {
        table.insert(number)?;
        table.insert(u64::from(number) + 100)?;
    }
    let mut seen = Vec::new();
    table.for_each(|handle, number: &u32| {
        assert_eq!(*table.pin(handle).unwrap(), *number);
        seen.push(*number);
        true
    })?;
    seen.sort_unstable();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    let mut visits = 0;
    table.for_each(|_, _: &u64| {
        visits += 1;
        visits < 3
    })?;
    assert_eq!(visits, 3);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = table.for_each(|_, _: &u32| panic!("enough"));
    }));
    assert_eq!(panics.unwrap_err().downcast_ref(), Some(&"enough"));
    table.for_each(|handle, _: &u32| table.delete(handle).is_ok())?;
    assert_eq!(table.stats()?.live, 10);
    assert_eq!(table.stats()?.deleted, 10);
    let lines = table.report(3);
    assert!(lines.iter().any(|line| line.contains("u64")), "{lines:?}");
    assert!(lines.len() >= 4, "{lines:?}");
    table.prepare(50)?;
    assert_eq!(table.prepare(usize::MAX).unwrap_err(), ErrorKind::Full);
    table.trim();
    assert_eq!(table.stats()?.live, 10);
    Ok(())
}
