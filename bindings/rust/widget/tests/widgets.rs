use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{mpsc, Arc, Barrier, Mutex, MutexGuard};
use std::thread;

use haft::{Error, ErrorKind, Handle, Table};
use widget::{Listener, Widget};

/// Widgets are counted for the process, so only one test runs at a time, and it must leave none.
struct Counted(MutexGuard<'static, ()>);

fn counted() -> Counted {
    static ONE: Mutex<()> = Mutex::new(());
    Counted(ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

impl Drop for Counted {
    fn drop(&mut self) {
        let _ = &self.0;
        widget::join();
        if !thread::panicking() {
            assert_eq!(widget::count(), 0);
        }
    }
}

fn listener(heard: impl Fn(i64) + Send + Sync + 'static) -> Handle<Listener> {
    Handle::new(Box::new(heard) as Listener).unwrap()
}

#[test]
fn use_after_delete_is_an_error() -> Result<(), Error> {
    let _counted = counted();
    let widget = Widget::new(40)?;
    assert_eq!(widget.add(2)?, 42);
    widget.delete()?;
    assert_eq!(widget.add(1).unwrap_err(), ErrorKind::Stale);
    assert_eq!(widget.delete().unwrap_err(), ErrorKind::Stale);
    Ok(())
}

#[test]
fn late_call_of_a_deleted_listener_is_refused() -> Result<(), Error> {
    let _counted = counted();
    let widget = Widget::new(0)?;
    let heard = Arc::new(AtomicI64::new(0));
    let copy = heard.clone();
    let on_change = listener(move |sum| copy.store(sum, SeqCst));
    widget.subscribe(on_change)?;
    widget.add(1)?;
    on_change.delete()?;
    assert_eq!(widget.add(1)?, 2);
    assert_eq!(heard.load(SeqCst), 1);
    assert_eq!(Arc::strong_count(&heard), 1);
    widget.delete()
}

#[test]
fn listener_may_delete_itself_and_its_widget() -> Result<(), Error> {
    let _counted = counted();
    let widget = Widget::new(0)?;
    let own = Arc::new(Mutex::new(None::<Handle<Listener>>));
    let copy = own.clone();
    let on_change = listener(move |_| {
        copy.lock().unwrap().unwrap().delete().unwrap();
        widget.delete().unwrap();
        assert_eq!(Arc::strong_count(&copy), 2); // what is running is still there
        assert_eq!(widget::count(), 1);
    });
    *own.lock().unwrap() = Some(on_change);
    widget.subscribe(on_change)?;
    assert_eq!(widget.add(1)?, 1);
    assert_eq!(Arc::strong_count(&own), 1);
    assert_eq!(widget::count(), 0);
    Ok(())
}

#[test]
fn thread_of_the_library_drops_a_listener_deleted_meanwhile() -> Result<(), Error> {
    struct Tells(mpsc::Sender<thread::ThreadId>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }
    let _counted = counted();
    let widget = Widget::new(0)?;
    let (dropped, when_dropped) = mpsc::channel();
    let (inside, when_inside) = mpsc::channel();
    let (go_on, when_to_go_on) = mpsc::channel::<()>();
    let kept = Mutex::new((inside, when_to_go_on, Tells(dropped)));
    let on_change = listener(move |_| {
        let (inside, when_to_go_on, _) = &*kept.lock().unwrap();
        inside.send(thread::current().id()).unwrap();
        when_to_go_on.recv().unwrap();
    });
    widget.subscribe(on_change)?;
    widget.add_later(1)?;
    let library = when_inside.recv().unwrap();
    widget.delete()?;
    on_change.delete()?;
    assert!(when_dropped.try_recv().is_err());
    assert_eq!(widget::count(), 1);
    go_on.send(()).unwrap();
    widget::join();
    assert_eq!(when_dropped.recv(), Ok(library));
    assert_ne!(library, thread::current().id());
    Ok(())
}

#[test]
fn panic_of_a_listener_passes_over_the_library() -> Result<(), Error> {
    let _counted = counted();
    let widget = Widget::new(0)?;
    let on_change = listener(|sum| panic!("at {sum}"));
    widget.subscribe(on_change)?;
    let caught = panic::catch_unwind(AssertUnwindSafe(|| widget.add(3)));
    let payload = caught.unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "at 3");
    assert_eq!(widget.add(1)?, 4); // it has been unsubscribed
                                   // The library's thread has no caller to which the panic could be passed.
    widget.subscribe(on_change)?;
    widget.add_later(1)?;
    widget::join();
    assert_eq!(widget.add(0)?, 5);
    on_change.delete()?;
    widget.delete()
}

#[test]
fn widget_is_no_rust_value_nor_the_reverse() -> Result<(), Error> {
    let _counted = counted();
    let widget = Widget::new(0)?;
    let number = Handle::new(1)?;
    // In this order, or neither word would be live.
    let forged = number.word();
    let as_widget = Widget::from_word(forged);
    assert_eq!(as_widget.add(1).unwrap_err(), ErrorKind::WrongType);
    let as_number = Handle::<i32>::from_word(widget.word());
    assert_eq!(Table::process().pin(as_number).unwrap_err(), ErrorKind::WrongType);
    number.delete()?;
    widget.delete()
}

#[test]
fn threads_against_a_delete() -> Result<(), Error> {
    const THREADS: usize = 3;
    let _counted = counted();
    for _ in 0..100 {
        let widget = Widget::new(0)?;
        let start = Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    loop {
                        if let Err(error) = widget.add(1) {
                            break assert_eq!(error, ErrorKind::Stale);
                        }
                    }
                });
            }
            start.wait();
            widget.delete().unwrap();
        });
    }
    Ok(())
}
