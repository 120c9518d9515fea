#[cfg(miri)]
mod fake;

use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{mpsc, Arc, Barrier};
use std::thread;
use std::time::Duration;

use haft::{sys, Error, ErrorKind, Handle, Pin, Table};

/// Counts its drops.
struct Tracked(Arc<AtomicUsize>);

impl Drop for Tracked {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn tracked() -> (Tracked, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    (Tracked(drops.clone()), drops)
}

fn kind<T>(result: Result<T, Error>) -> Result<T, ErrorKind> {
    result.map_err(|error| error.kind())
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("the pin is out");
    }
}

fn panics(f: impl FnOnce()) -> bool {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(()) => false,
        Err(payload) => {
            assert_eq!(payload.downcast_ref(), Some(&"the pin is out"));
            true
        }
    }
}

#[test]
fn pin_gives_the_value_until_delete() -> Result<(), Error> {
    let handle = Handle::new(String::from("haft"))?;
    assert_eq!(*handle.pin()?, "haft");
    handle.delete()?;
    assert_eq!(handle.pin().unwrap_err(), ErrorKind::Stale);
    assert_eq!(kind(handle.delete()), Err(ErrorKind::Stale));
    Ok(())
}

#[test]
fn handle_survives_a_void_pointer() -> Result<(), Error> {
    let handle = Handle::new(7_u8)?;
    let again = Handle::<u8>::from_pointer(handle.to_pointer());
    assert_eq!(again, handle);
    assert_eq!(*again.pin()?, 7);
    handle.delete()
}

#[test]
fn every_refusal_is_its_own_error() -> Result<(), Error> {
    let table = Table::new(1)?;
    assert_eq!(Table::new(0).unwrap_err(), ErrorKind::Invalid);
    assert_eq!(Table::new(usize::MAX).unwrap_err(), ErrorKind::Full);
    assert_eq!(kind(table.check(Handle::<u8>::from_word(0))), Err(ErrorKind::Null));
    assert_eq!(kind(table.check(Handle::<u8>::from_word(2))), Err(ErrorKind::Malformed));
    let foreign = Handle::new(1)?;
    assert_eq!(kind(table.check(foreign)), Err(ErrorKind::NeverIssued));
    foreign.delete()?;

    let handle = table.insert(1)?;
    let pin = table.pin(handle)?;
    assert_eq!(kind(table.delete_unless_pinned(handle)), Err(ErrorKind::Pinned));
    assert_eq!(kind(table.take(handle)), Err(ErrorKind::Pinned));
    assert_eq!(kind(table.check(handle)), Ok(()));
    assert_eq!(
        kind(table.delete_and_wait(handle, Duration::ZERO)),
        Err(ErrorKind::TimedOut)
    );
    assert_eq!(kind(table.check(handle)), Err(ErrorKind::Stale));
    drop(pin);
    Ok(())
}

#[test]
fn errors_are_the_statuses_of_the_c_abi() {
    for status in 1..=11 {
        let kind = ErrorKind::from_status(status);
        assert_eq!(kind.status(), status);
        assert!(!matches!(kind, ErrorKind::Unknown(_)));
        assert_ne!(kind.to_string(), ErrorKind::Unknown(99).to_string());
        assert_eq!(Error::check(status).unwrap_err(), kind);
    }
    assert_eq!(kind(Error::check(0)), Ok(()));
    for status in [12, -1, i32::MAX, i32::MIN] {
        assert_eq!(kind(Error::check(status)), Err(ErrorKind::Unknown(status)));
        assert_eq!(Error::check(status).unwrap_err().status(), status);
    }
    assert_eq!(ErrorKind::Stale.to_string(), "the handle has been deleted");
}

#[test]
fn errors_say_all_that_is_known_and_are_errors_to_all() -> Result<(), Error> {
    struct Opaque(#[allow(dead_code)] *const u8);
    fn boxed(handle: Handle<u8>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(handle.delete()?)
    }
    let handle = Handle::new(7_u8)?;
    let wrong = Handle::<u16>::from_word(handle.word()).pin().unwrap_err();
    assert_eq!(
        (wrong.kind(), wrong.handle()),
        (ErrorKind::WrongType, Some(handle.word()))
    );
    assert!(wrong.to_string().contains("a u8 at 0x"), "{wrong}");
    assert_eq!(wrong.status(), sys::HAFT_WRONG_TYPE);
    handle.delete()?;
    let stale = handle.pin().unwrap_err();
    assert!(
        stale.to_string().starts_with("the handle has been deleted (0x"),
        "{stale}"
    );
    assert!(
        stale.details().contains("HAFT_STALE") || stale.details().contains("stale"),
        "{stale}"
    );
    assert!(format!("{stale:?}").contains("Stale"));
    assert!(boxed(handle).unwrap_err().to_string().contains("has been deleted"));
    assert_eq!(Error::from(ErrorKind::Full).handle(), None);

    // A refused value is an error as well, whatever the value is.
    let refused = haft::Refused {
        error: stale,
        value: Opaque(std::ptr::null()),
    };
    assert!(format!("{refused:?}").contains("Stale"));
    let error: Box<dyn std::error::Error> = Box::new(refused);
    assert!(error.to_string().contains("has been deleted"));
    Ok(())
}

#[test]
fn refused_insert_converts_to_any_boxed_error() -> Result<(), Box<dyn std::error::Error>> {
    fn fill(table: &Table) -> Result<(), Box<dyn std::error::Error>> {
        loop {
            table.insert(std::cell::Cell::new(1).into_inner())?;
        }
    }
    let table = Table::new(1)?;
    let error = fill(&table).unwrap_err();
    assert_eq!(error.to_string(), ErrorKind::Full.to_string());
    Ok(())
}

#[test]
fn full_table_gives_the_value_back() -> Result<(), Error> {
    let table = Table::new(1)?;
    let mut live = Vec::new();
    let refused = loop {
        match table.insert(live.len().to_string()) {
            Ok(handle) => live.push(handle),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.error, ErrorKind::Full);
    assert_eq!(refused.value, live.len().to_string());
    for (i, handle) in live.iter().enumerate() {
        assert_eq!(*table.pin(*handle)?, i.to_string());
    }
    table.delete(live[0])?;
    table.insert(String::new())?;
    Ok(())
}

#[test]
fn another_type_is_refused_and_left_alone() -> Result<(), Error> {
    let (value, drops) = tracked();
    let handle = Handle::new(value)?;
    let forged = Handle::<u64>::from_word(handle.word());
    assert_eq!(forged.pin().unwrap_err(), ErrorKind::WrongType);
    assert_eq!(kind(forged.delete()), Err(ErrorKind::WrongType));
    assert_eq!(kind(Table::process().take(forged)), Err(ErrorKind::WrongType));
    assert_eq!(drops.load(SeqCst), 0);
    handle.delete()?;
    assert_eq!(drops.load(SeqCst), 1);
    Ok(())
}

#[test]
fn object_of_another_language_is_refused() {
    static FOREIGN: sys::haft_type = sys::haft_type {
        name: b"foreign\0".as_ptr().cast(),
        identity: b"foreign\0".as_ptr().cast(),
        destroy: None,
        size: 0,
        alignment: 0,
    };
    let mut word = 0;
    let process = std::ptr::null_mut();
    let object = 1 as *mut c_void; // which must not be dereferenced
    let status = unsafe {
        let nothing = std::ptr::null_mut();
        sys::haft_table_new_with(process, object, &FOREIGN, None, nothing, &mut word)
    };
    assert_eq!(status, 0);
    let handle = Handle::<u64>::from_word(word);
    assert_eq!(handle.pin().unwrap_err(), ErrorKind::WrongType);
    assert_eq!(kind(handle.delete()), Err(ErrorKind::WrongType));
    assert!(Table::process().describe(handle).contains("foreign"));
    assert_eq!(unsafe { sys::haft_table_delete(process, word, &FOREIGN) }, 0);
}

#[test]
fn forged_words_are_refused() -> Result<(), Error> {
    let table = Table::new(1000)?;
    let handle = table.insert(1_u64)?;
    for bit in 0..usize::BITS {
        let forged = Handle::<u64>::from_word(handle.word() ^ (1 << bit));
        assert!(table.pin(forged).is_err(), "bit {bit}");
        assert!(table.delete(forged).is_err(), "bit {bit}");
    }
    assert_eq!(kind(table.take(handle)), Ok(1));
    Ok(())
}

#[test]
fn take_moves_the_value_out() -> Result<(), Error> {
    let (value, drops) = tracked();
    let handle = Handle::new(value)?;
    let value = Table::process().take(handle)?;
    assert_eq!(drops.load(SeqCst), 0);
    drop(value);
    assert_eq!(drops.load(SeqCst), 1);
    Ok(())
}

#[test]
fn last_pin_drops_what_was_deleted_on_its_thread() -> Result<(), Error> {
    let (value, drops) = tracked();
    let handle = Handle::new(value)?;
    let first = handle.pin()?;
    let second = handle.pin()?;
    handle.delete()?;
    drop(first);
    assert_eq!(drops.load(SeqCst), 0);
    thread::spawn(move || drop(second)).join().unwrap();
    assert_eq!(drops.load(SeqCst), 1);
    Ok(())
}

#[test]
fn delete_and_wait_waits_for_the_last_pin() -> Result<(), Error> {
    let (value, drops) = tracked();
    let handle = Handle::new(value)?;
    let pin = handle.pin()?;
    let reader = thread::spawn(move || {
        while handle.pin().is_ok() {
            thread::yield_now();
        }
        drop(pin); // not before the handle has ended
    });
    Table::process().delete_and_wait(handle, Duration::from_secs(600))?;
    assert_eq!(drops.load(SeqCst), 1);
    reader.join().unwrap();
    Ok(())
}

#[test]
fn dropping_a_table_drops_what_is_live() -> Result<(), Error> {
    let drops = Arc::new(AtomicUsize::new(0));
    let table = Table::new(10)?;
    for _ in 0..10 {
        table.insert(Tracked(drops.clone()))?;
    }
    drop(table);
    assert_eq!(drops.load(SeqCst), 10);
    Ok(())
}

#[test]
fn panic_of_a_drop_goes_on_in_who_deletes() -> Result<(), Error> {
    let handle = Handle::new(Grenade)?;
    assert!(panics(|| handle.delete().unwrap()));
    assert_eq!(kind(handle.delete()), Err(ErrorKind::Stale));

    let table = Table::new(3)?;
    table.insert(Grenade)?;
    table.insert(Grenade)?;
    let (value, drops) = tracked();
    table.insert(value)?;
    assert!(panics(|| drop(table)));
    assert_eq!(drops.load(SeqCst), 1);
    Ok(())
}

#[test]
fn panic_of_a_drop_goes_on_in_who_unpins() -> Result<(), Error> {
    let handle = Handle::new(Grenade)?;
    let pin = handle.pin()?;
    handle.delete()?;
    assert!(panics(|| drop(pin)));
    Ok(())
}

#[test]
fn panic_of_a_drop_does_not_reach_a_caller_in_c() -> Result<(), Error> {
    let handle = Handle::new(Grenade)?;
    // C calls it, and no function of this crate is below it on the stack.
    let status = unsafe { sys::haft_table_delete(std::ptr::null_mut(), handle.word(), std::ptr::null()) };
    assert_eq!(status, 0);
    // Nor is it kept for the next call.
    Handle::new(1)?.delete()
}

#[test]
fn drop_may_use_the_table_and_panics_nest() -> Result<(), Error> {
    struct Owner(Handle<Grenade>);
    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.delete().unwrap();
        }
    }
    let inner = Handle::new(Grenade)?;
    let outer = Handle::new(Owner(inner))?;
    assert!(panics(|| outer.delete().unwrap()));
    assert_eq!(kind(inner.delete()), Err(ErrorKind::Stale));
    Ok(())
}

#[test]
fn send_and_sync_are_what_they_say() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    // It is a word, for every type.
    send::<Handle<*mut u8>>();
    sync::<Handle<*mut u8>>();
    send::<Pin<'static, String>>();
    sync::<Pin<'static, String>>();
    send::<Table>();
    sync::<Table>();
    // ../compile_fail tests what must not compile.
}

#[test]
fn readers_against_a_closer() -> Result<(), Error> {
    const READERS: usize = 3;
    for round in 0..if cfg!(miri) { 5 } else { 200_usize } {
        let (value, drops) = tracked();
        let handle = Handle::new((value, round, !round))?;
        let start = Barrier::new(READERS + 1);
        thread::scope(|scope| {
            for _ in 0..READERS {
                scope.spawn(|| {
                    start.wait();
                    loop {
                        match handle.pin() {
                            Ok(pin) => {
                                assert_eq!(pin.1, !pin.2);
                                assert_eq!(pin.0 .0.load(SeqCst), 0);
                            }
                            Err(error) => break assert_eq!(error, ErrorKind::Stale),
                        }
                    }
                });
            }
            start.wait();
            handle.delete().unwrap();
        });
        assert_eq!(drops.load(SeqCst), 1);
    }
    Ok(())
}

#[test]
fn one_of_many_deletes_wins() -> Result<(), Error> {
    const THREADS: usize = 4;
    for _ in 0..if cfg!(miri) { 5 } else { 200 } {
        let (value, drops) = tracked();
        let handle = Handle::new(value)?;
        let start = Barrier::new(THREADS);
        let won = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    match handle.delete() {
                        Ok(()) => won.fetch_add(1, SeqCst),
                        Err(error) => {
                            assert_eq!(error, ErrorKind::Stale);
                            0
                        }
                    }
                });
            }
        });
        assert_eq!(won.load(SeqCst), 1);
        assert_eq!(drops.load(SeqCst), 1);
    }
    Ok(())
}

#[test]
fn handles_made_here_die_there() -> Result<(), Error> {
    const HANDLES: usize = if cfg!(miri) { 50 } else { 10_000 };
    let drops = Arc::new(AtomicUsize::new(0));
    let (send, receive) = mpsc::sync_channel::<Handle<Tracked>>(32);
    let closer = thread::spawn(move || {
        for handle in receive {
            handle.delete().unwrap();
        }
    });
    for _ in 0..HANDLES {
        send.send(Handle::new(Tracked(drops.clone()))?).unwrap();
    }
    drop(send);
    closer.join().unwrap();
    assert_eq!(drops.load(SeqCst), HANDLES);
    Ok(())
}
