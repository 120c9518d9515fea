//! Values that are confined to a thread.

#[cfg(miri)]
mod fake;

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use haft::{collect_local, sys, Error, ErrorKind, Handle, LocalHandle};

/// Tells when and where it is dropped. It is neither Send nor Sync.
struct Tracked {
    drops: Rc<Cell<u32>>,
    thread: thread::ThreadId,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.thread);
        self.drops.set(self.drops.get() + 1);
    }
}

fn tracked() -> (Tracked, Rc<Cell<u32>>) {
    let drops = Rc::new(Cell::new(0));
    (
        Tracked {
            drops: drops.clone(),
            thread: thread::current().id(),
        },
        drops,
    )
}

/// Deletes as C does, which knows no type.
fn delete_by_c(word: usize) -> i32 {
    unsafe { sys::haft_delete(word, ptr::null()) }
}

#[test]
fn value_is_used_taken_and_deleted_on_its_thread() -> Result<(), Error> {
    let handle = LocalHandle::new(RefCell::new(String::from("a")))?;
    handle.with(|text| text.borrow_mut().push('b'))?;
    assert_eq!(
        LocalHandle::<RefCell<String>>::from_pointer(handle.to_pointer()),
        handle
    );
    handle.check()?;
    assert!(handle.describe().contains("confined to a thread"));
    assert_eq!(handle.take()?.into_inner(), "ab");
    for error in [
        handle.with(|_| ()).unwrap_err(),
        handle.delete().unwrap_err(),
        handle.take().unwrap_err(),
    ] {
        assert_eq!(error, ErrorKind::Stale);
    }
    let (value, drops) = tracked();
    let handle = LocalHandle::new(value)?;
    handle.delete()?;
    assert_eq!(drops.get(), 1);
    Ok(())
}

#[test]
fn other_threads_and_types_are_refused_and_change_nothing() -> Result<(), Error> {
    let (value, drops) = tracked();
    let handle = LocalHandle::new(value)?;
    thread::spawn(move || {
        // Also if the thread has such values itself.
        let own = LocalHandle::new(tracked().0).unwrap();
        for error in [
            handle.with(|_| ()).unwrap_err(),
            handle.delete().unwrap_err(),
            handle.take().map(|_| ()).unwrap_err(),
        ] {
            assert_eq!(error, ErrorKind::WrongThread);
            assert!(error.to_string().contains("Tracked, confined to a thread"), "{error}");
            assert_eq!(error.status(), sys::HAFT_WRONG_TYPE);
        }
        own.delete().unwrap();
    })
    .join()
    .unwrap();
    let other = LocalHandle::<Cell<u8>>::from_word(handle.word());
    assert_eq!(other.with(|_| ()).unwrap_err(), ErrorKind::WrongType);
    assert_eq!(
        Handle::<Cell<u8>>::from_word(handle.word()).pin().unwrap_err(),
        ErrorKind::WrongType
    );
    let shared = Handle::new(7_u8)?;
    assert_eq!(
        LocalHandle::<u8>::from_word(shared.word()).with(|_| ()).unwrap_err(),
        ErrorKind::WrongType
    );
    shared.delete()?;
    assert_eq!(LocalHandle::<u8>::from_word(0).check().unwrap_err(), ErrorKind::Null);
    assert_eq!(
        LocalHandle::<u8>::from_word(2).check().unwrap_err(),
        ErrorKind::Malformed
    );
    assert_eq!(drops.get(), 0);
    handle.delete()?;
    assert_eq!(drops.get(), 1);
    Ok(())
}

#[test]
fn value_in_use_outlives_its_handle() -> Result<(), Error> {
    let ways: [fn(LocalHandle<Tracked>); 2] = [
        |handle| handle.delete().unwrap(),
        |handle| assert_eq!(delete_by_c(handle.word()), 0),
    ];
    for delete in ways {
        let (value, drops) = tracked();
        let handle = LocalHandle::new(value)?;
        handle.with(|value| {
            handle.with(|_| delete(handle)).unwrap();
            assert_eq!(drops.get(), 0);
            assert_eq!(value.drops.get(), 0);
            assert_eq!(handle.with(|_| ()).unwrap_err(), ErrorKind::Stale);
            // Others come and go meanwhile.
            LocalHandle::new(tracked().0).unwrap().delete().unwrap();
            assert_eq!(drops.get(), 0);
        })?;
        assert_eq!(drops.get(), 1);
    }
    Ok(())
}

#[test]
fn value_in_use_cannot_be_taken() -> Result<(), Error> {
    let handle = LocalHandle::new(Cell::new(1))?;
    handle.with(|value| {
        assert_eq!(handle.take().unwrap_err(), ErrorKind::Pinned);
        value.set(2);
    })?;
    assert_eq!(handle.take()?.get(), 2);
    Ok(())
}

#[test]
fn value_pinned_by_c_is_neither_taken_nor_dropped_until_c_lets_go() -> Result<(), Error> {
    let (value, drops) = tracked();
    let handle = LocalHandle::new(value)?;
    let mut pin = sys::haft_pin::default();
    let mut object = ptr::null_mut();
    assert_eq!(
        unsafe { sys::haft_pin_object(handle.word(), ptr::null(), &mut pin, &mut object) },
        0
    );
    assert_eq!(handle.take().map(|_| ()).unwrap_err(), ErrorKind::Pinned);
    handle.delete()?;
    assert_eq!(drops.get(), 0);
    // Another thread ends the last pin, so the value waits for its own.
    thread::spawn(move || unsafe { sys::haft_unpin(&mut pin) })
        .join()
        .unwrap();
    assert_eq!(drops.get(), 0);
    collect_local();
    assert_eq!(drops.get(), 1);
    Ok(())
}

#[test]
fn deleted_by_c_on_another_thread_is_stale_at_once_and_dropped_here_later() -> Result<(), Error> {
    let later: [fn(); 3] = [
        collect_local,
        || drop(LocalHandle::new(1).unwrap().take()),
        || LocalHandle::new(1).unwrap().with(|_| ()).unwrap(),
    ];
    for later in later {
        let (value, drops) = tracked();
        let handle = LocalHandle::new(value)?;
        let word = handle.word();
        assert_eq!(thread::spawn(move || delete_by_c(word)).join().unwrap(), 0);
        assert_eq!(handle.with(|_| ()).unwrap_err(), ErrorKind::Stale);
        assert_eq!(drops.get(), 0);
        later();
        assert_eq!(drops.get(), 1);
    }
    Ok(())
}

#[test]
fn values_end_with_their_thread() {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        struct Tells(mpsc::Sender<(u32, thread::ThreadId)>, u32, *const u8);
        impl Drop for Tells {
            fn drop(&mut self) {
                // None can be made any more, and the others may be used.
                assert!(self.2.is_null()); // which makes it neither Send nor Sync
                assert_eq!(LocalHandle::new(1).unwrap_err().error, ErrorKind::WrongThread);
                self.0.send((self.1, thread::current().id())).unwrap();
            }
        }
        let words: Vec<_> = (0..5)
            .map(|i| LocalHandle::new(Tells(send.clone(), i, ptr::null())).unwrap().word())
            .collect();
        // One is deleted by C elsewhere and not yet collected.
        let word = words[2];
        thread::spawn(move || delete_by_c(word)).join().unwrap();
        words
    })
    .join()
    .map(|words| {
        let mut dropped: Vec<_> = receive.iter().collect();
        dropped.sort_by_key(|(i, _)| *i);
        assert_eq!(dropped.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert!(dropped.iter().all(|(_, thread)| *thread == dropped[0].1));
        assert_ne!(dropped[0].1, thread::current().id());
        for word in words {
            assert_eq!(unsafe { sys::haft_check(word) }, sys::HAFT_STALE);
        }
    })
    .unwrap();
}

#[test]
fn value_that_c_has_pinned_when_its_thread_ends_is_leaked_and_nobody_elses() {
    thread_local!(static DROPS: Cell<u32> = const { Cell::new(0) });
    struct Leaked(Rc<u32>);
    impl Drop for Leaked {
        fn drop(&mut self) {
            DROPS.with(|drops| drops.set(drops.get() + 1));
        }
    }
    let (word, mut pin, object) = thread::spawn(|| {
        let handle = LocalHandle::new(Leaked(Rc::new(77))).unwrap();
        let mut pin = sys::haft_pin::default();
        let mut object = ptr::null_mut();
        assert_eq!(
            unsafe { sys::haft_pin_object(handle.word(), ptr::null(), &mut pin, &mut object) },
            0
        );
        (handle.word(), pin, object as usize)
    })
    .join()
    .unwrap();
    assert_eq!(unsafe { sys::haft_check(word) }, sys::HAFT_STALE);
    assert_ne!(object, 0);
    // Threads that begin now have other owners, also while this `destroy` comes.
    let own = LocalHandle::new(Leaked(Rc::new(1))).unwrap();
    unsafe { sys::haft_unpin(&mut pin) };
    collect_local();
    assert_eq!(DROPS.with(Cell::get), 0);
    assert_eq!(own.with(|value| *value.0).unwrap(), 1);
    own.delete().unwrap();
    assert_eq!(DROPS.with(Cell::get), 1);
}

#[test]
fn threads_one_after_another_share_descriptors() {
    // The address of a descriptor shows in no interface, but the handle of an ended thread must not be taken for one
    // of the next.
    let mut old = Vec::new();
    for round in 0..if cfg!(miri) { 4 } else { 50_u32 } {
        let words = old.clone();
        let word = thread::spawn(move || {
            let own = LocalHandle::new(Cell::new(round)).unwrap();
            for word in words {
                assert_eq!(
                    LocalHandle::<Cell<u32>>::from_word(word).with(|_| ()).unwrap_err(),
                    ErrorKind::Stale
                );
            }
            assert_eq!(own.with(Cell::get).unwrap(), round);
            own.word()
        })
        .join()
        .unwrap();
        old.push(word);
    }
}

#[test]
fn panics_of_drops_and_uses_go_on_here() -> Result<(), Error> {
    struct Grenade(bool);
    impl Drop for Grenade {
        fn drop(&mut self) {
            assert!(!self.0, "the pin is out");
        }
    }
    let panics = |run: &dyn Fn()| panic::catch_unwind(AssertUnwindSafe(run)).is_err();
    let handle = LocalHandle::new(Grenade(true))?;
    assert!(panics(&|| handle.delete().unwrap()));
    assert_eq!(handle.delete().unwrap_err(), ErrorKind::Stale);

    // One that was buried panics in who collects it.
    let handle = LocalHandle::new(Grenade(true))?;
    assert!(panics(&|| handle.with(|_| handle.delete().unwrap()).unwrap()));
    assert_eq!(handle.check().unwrap_err(), ErrorKind::Stale);

    // Deleted by C: C is not told.
    let handle = LocalHandle::new(Grenade(true))?;
    assert_eq!(delete_by_c(handle.word()), 0);

    // A use that panics is over.
    let handle = LocalHandle::new(Grenade(false))?;
    assert!(panics(&|| handle.with(|_| panic!("in the middle")).unwrap()));
    drop(handle.take()?);
    Ok(())
}

#[test]
fn threads_of_c_that_delete_against_an_owner_that_uses() -> Result<(), Error> {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 2000 };
    let (send, receive) = mpsc::channel::<usize>();
    let c = thread::spawn(move || receive.iter().filter(|word| delete_by_c(*word) == 0).count());
    let drops = Rc::new(Cell::new(0));
    let mut own = 0;
    for round in 0..ROUNDS {
        let value = Tracked {
            drops: drops.clone(),
            thread: thread::current().id(),
        };
        let handle = LocalHandle::new(value)?;
        send.send(handle.word()).unwrap();
        for _ in 0..round % 20 {
            if let Err(error) = handle.with(|value| assert_eq!(value.thread, thread::current().id())) {
                assert_eq!(error, ErrorKind::Stale);
            }
        }
        own += usize::from(round % 3 == 0 && handle.delete().is_ok());
    }
    drop(send);
    let by_c = c.join().unwrap();
    collect_local();
    assert_eq!(by_c + own, ROUNDS);
    assert_eq!(drops.get() as usize, ROUNDS);
    Ok(())
}
