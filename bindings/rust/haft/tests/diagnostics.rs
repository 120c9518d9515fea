//! Diagnostics, which a process turns on before anything else, so this is one test.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use haft::diagnostics::{self, Refusal};
use haft::{Error, ErrorKind, Handle, LocalHandle};

#[test]
fn everything_that_diagnostics_know_is_in_errors_and_in_the_callback() -> Result<(), Error> {
    assert_eq!(diagnostics::diagnose(64).unwrap_err(), ErrorKind::Invalid);
    diagnostics::diagnose(diagnostics::SITES)?;
    assert_eq!(
        diagnostics::diagnose(diagnostics::SITES).unwrap_err(),
        ErrorKind::Invalid
    );
    diagnostics::check_library_version()?;
    assert_eq!(diagnostics::library_version().0, 0);

    let refusals: Arc<Mutex<Vec<Refusal>>> = Arc::default();
    let copy = refusals.clone();
    diagnostics::on_refusal(0, move |refusal| {
        assert_ne!(refusal.kind, ErrorKind::Malformed, "on purpose");
        copy.lock().unwrap().push(refusal.clone());
    })?;
    let unused = Arc::new(());
    let context = unused.clone();
    let second = diagnostics::on_refusal(0, move |_| drop(context.clone()));
    assert_eq!(second.unwrap_err(), ErrorKind::Invalid);
    assert_eq!(Arc::strong_count(&unused), 1);

    // While diagnostics watch, look-ups make the call: all of these are seen.
    let handle = Handle::new(AtomicUsize::new(1))?;
    handle.pin()?.store(2, SeqCst);
    handle.check()?;
    assert!(handle.is_live());
    // SAFETY: nobody deletes it meanwhile.
    assert_eq!(unsafe { handle.value() }?.load(SeqCst), 2);
    handle.delete()?;
    assert!(!handle.is_live());
    for error in [
        handle.check().unwrap_err(),
        handle.pin().unwrap_err(),
        handle.delete().unwrap_err(),
    ] {
        let text = error.to_string();
        assert_eq!(error, ErrorKind::Stale);
        for part in ["was a core::sync::atomic::", "created at ", "by thread ", "deleted at "] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let seen = refusals.lock().unwrap().clone();
    assert_eq!(seen.len(), 4);
    for refusal in seen {
        assert_eq!((refusal.handle, refusal.kind), (handle.word(), ErrorKind::Stale));
        assert!(refusal.description.contains("deleted at "), "{}", refusal.description);
    }

    let local = LocalHandle::new(std::cell::Cell::new(1))?;
    local.with(|value| value.set(2))?;
    std::thread::spawn(move || {
        assert_eq!(local.with(|_| ()).unwrap_err(), ErrorKind::WrongThread);
    })
    .join()
    .unwrap();
    assert_eq!(local.take()?.get(), 2);

    // A callback that panics does not change the call.
    assert_eq!(Handle::<u8>::from_word(2).delete().unwrap_err(), ErrorKind::Malformed);
    assert_eq!(
        Handle::<String>::from_word(2).delete().unwrap_err(),
        ErrorKind::Malformed
    );
    Ok(())
}
