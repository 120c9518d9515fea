use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{mpsc, Arc, Barrier};
use std::thread;
use std::time::Duration;

use haft::{sys, Error, Handle, Pin, Table};

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
    assert_eq!(handle.pin().unwrap_err(), Error::Stale);
    assert_eq!(handle.delete(), Err(Error::Stale));
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
    assert_eq!(Table::new(0).unwrap_err(), Error::Invalid);
    assert_eq!(Table::new(usize::MAX).unwrap_err(), Error::Full);
    assert_eq!(table.check(Handle::<u8>::from_word(0)), Err(Error::Null));
    assert_eq!(
        table.check(Handle::<u8>::from_word(2)),
        Err(Error::Malformed)
    );
    let foreign = Handle::new(1)?;
    assert_eq!(table.check(foreign), Err(Error::NeverIssued));
    foreign.delete()?;

    let handle = table.insert(1)?;
    let pin = table.pin(handle)?;
    assert_eq!(table.delete_unless_pinned(handle), Err(Error::Pinned));
    assert_eq!(table.take(handle), Err(Error::Pinned));
    assert_eq!(table.check(handle), Ok(()));
    assert_eq!(
        table.delete_and_wait(handle, Duration::ZERO),
        Err(Error::TimedOut)
    );
    assert_eq!(table.check(handle), Err(Error::Stale));
    drop(pin);
    Ok(())
}

#[test]
fn errors_are_the_statuses_of_the_c_abi() {
    for status in 1..=11 {
        let error = Error::check(status).unwrap_err();
        assert_eq!(error.status(), status);
        assert!(!matches!(error, Error::Unknown(_)));
        assert_ne!(error.to_string(), Error::Unknown(99).to_string());
    }
    assert_eq!(Error::check(0), Ok(()));
    assert_eq!(Error::check(12), Err(Error::Unknown(12)));
    assert_eq!(Error::check(-1), Err(Error::Unknown(-1)));
    assert_eq!(Error::Stale.to_string(), "the handle has been deleted");
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
    assert_eq!(refused.error, Error::Full);
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
    assert_eq!(forged.pin().unwrap_err(), Error::WrongType);
    assert_eq!(forged.delete(), Err(Error::WrongType));
    assert_eq!(Table::process().take(forged), Err(Error::WrongType));
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
    assert_eq!(handle.pin().unwrap_err(), Error::WrongType);
    assert_eq!(handle.delete(), Err(Error::WrongType));
    assert!(Table::process().describe(handle).contains("foreign"));
    assert_eq!(
        unsafe { sys::haft_table_delete(process, word, &FOREIGN) },
        0
    );
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
    assert_eq!(table.take(handle), Ok(1));
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
    assert_eq!(handle.delete(), Err(Error::Stale));

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
    let status =
        unsafe { sys::haft_table_delete(std::ptr::null_mut(), handle.word(), std::ptr::null()) };
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
    assert_eq!(inner.delete(), Err(Error::Stale));
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
    for round in 0..200_usize {
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
                            Err(error) => break assert_eq!(error, Error::Stale),
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
    for _ in 0..200 {
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
                            assert_eq!(error, Error::Stale);
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
    let drops = Arc::new(AtomicUsize::new(0));
    let (send, receive) = mpsc::sync_channel::<Handle<Tracked>>(64);
    let closer = thread::spawn(move || {
        for handle in receive {
            handle.delete().unwrap();
        }
    });
    for _ in 0..10_000 {
        send.send(Handle::new(Tracked(drops.clone()))?).unwrap();
    }
    drop(send);
    closer.join().unwrap();
    assert_eq!(drops.load(SeqCst), 10_000);
    Ok(())
}
