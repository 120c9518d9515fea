// How a value becomes the one pointer that a slot keeps. A value is in a box, whose address is the pointer. An `Arc`
// is a pointer already, so its own bits are kept, with bit 0 set, and no box is allocated. Nothing here calls C, so
// Miri runs the tests.

use std::mem::{self, ManuallyDrop};
use std::os::raw::c_void;
use std::ptr;
use std::sync::Arc;

use crate::unwind;

const DIRECT: usize = 1;

/// Whether `T` may be an `Arc` that is one word. If so, a box of a `T` has an even address, because a word is aligned.
#[inline(always)]
const fn may_be_direct<T>() -> bool {
    mem::size_of::<T>() == mem::size_of::<*mut c_void>()
        && mem::align_of::<T>() == mem::align_of::<*mut c_void>()
        && mem::needs_drop::<T>()
}

/// Returns the bits of the `T`, if it is `object` itself.
#[inline(always)]
fn direct<T>(object: *mut c_void) -> Option<*mut c_void> {
    if may_be_direct::<T>() && object as usize & DIRECT != 0 {
        Some(object.cast::<u8>().wrapping_sub(DIRECT).cast())
    } else {
        None
    }
}

pub(crate) fn from_box<T>(value: Box<T>) -> *mut c_void {
    Box::into_raw(value).cast()
}

/// Makes no allocation if the `Arc` is one word with bit 0 clear, as that of every sized type is in practice.
pub(crate) fn from_arc<T: ?Sized>(arc: Arc<T>) -> *mut c_void {
    if may_be_direct::<Arc<T>>() {
        let arc = ManuallyDrop::new(arc);
        // SAFETY: the sizes are equal. All bytes have a value, because an Arc must contain a pointer, and there is no
        // room beside it.
        let bits: *mut c_void = unsafe { mem::transmute_copy(&*arc) };
        if !bits.is_null() && bits as usize & DIRECT == 0 {
            return bits.cast::<u8>().wrapping_add(DIRECT).cast();
        }
        return from_box(Box::new(ManuallyDrop::into_inner(arc)));
    }
    from_box(Box::new(arc))
}

/// Moves the value out.
///
/// # Safety
///
/// `object` is from a function above for this `T`, and is not used any more.
pub(crate) unsafe fn into_value<T>(object: *mut c_void) -> T {
    match direct::<T>(object) {
        // SAFETY: they are the bits of a T that was not dropped.
        Some(bits) => unsafe { mem::transmute_copy(&bits) },
        // SAFETY: it is the box of a T.
        None => *unsafe { Box::from_raw(object.cast::<T>()) },
    }
}

/// Drops the value. A panic goes where the module `unwind` says.
///
/// # Safety
///
/// As for `into_value`.
pub(crate) unsafe extern "C" fn destroy<T>(object: *mut c_void) {
    let drop_it = || match direct::<T>(object) {
        // SAFETY: as in `into_value`.
        Some(bits) => drop::<T>(unsafe { mem::transmute_copy(&bits) }),
        // SAFETY: as in `into_value`. The value is dropped in its box, because it may be too large for the stack.
        None => drop(unsafe { Box::from_raw(object.cast::<T>()) }),
    };
    if mem::needs_drop::<T>() {
        unwind::catch(drop_it);
    } else {
        drop_it();
    }
}

/// Where a value is that something else keeps alive: elsewhere, or in here.
pub(crate) struct Place<T> {
    // The address of the T, or its bits.
    word: *mut c_void,
    is_direct: bool,
    of: std::marker::PhantomData<*const T>,
}

impl<T> Place<T> {
    /// # Safety
    ///
    /// `object` is from a function above for this `T`, which lives as long as the place is used.
    #[inline(always)]
    pub(crate) unsafe fn of(object: *mut c_void) -> Place<T> {
        let bits = direct::<T>(object);
        Place {
            word: bits.unwrap_or(object),
            is_direct: bits.is_some(),
            of: std::marker::PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> &T {
        let address: *const T = if may_be_direct::<T>() && self.is_direct {
            // A copy of an Arc's bits is as good as the Arc for readers, because nothing can be changed in it through
            // a reference.
            ptr::addr_of!(self.word).cast()
        } else {
            self.word.cast()
        };
        // SAFETY: by the contract of `of`.
        unsafe { &*address }
    }
}

#[cfg(test)]
mod tests {
    use super::{destroy, direct, from_arc, from_box, into_value, Place};
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::Arc;

    #[test]
    fn arc_is_its_own_object() {
        let arc = Arc::new(String::from("shared"));
        let object = from_arc(arc.clone());
        assert!(direct::<Arc<String>>(object).is_some());
        assert_eq!(Arc::strong_count(&arc), 2);
        // SAFETY: all of these are objects of their types, and used once.
        unsafe {
            let place = Place::<Arc<String>>::of(object);
            let moved = place;
            assert!(Arc::ptr_eq(moved.get(), &arc));
            let back: Arc<String> = into_value(object);
            assert!(Arc::ptr_eq(&back, &arc));
            destroy::<Arc<String>>(from_arc(back));
        }
        assert_eq!(Arc::strong_count(&arc), 1);
    }

    #[test]
    fn arc_of_what_has_no_size_is_boxed() {
        let arc: Arc<str> = Arc::from("wide");
        let object = from_arc(arc.clone());
        assert!(direct::<Arc<str>>(object).is_none());
        // SAFETY: as above.
        unsafe {
            assert_eq!(&**Place::<Arc<str>>::of(object).get(), "wide");
            destroy::<Arc<str>>(object);
        }
        assert_eq!(Arc::strong_count(&arc), 1);
    }

    #[test]
    fn boxed_arc_and_direct_arc_are_told_apart() {
        let arc = Arc::new(5_u8);
        for object in [from_box(Box::new(arc.clone())), from_arc(arc.clone())] {
            // SAFETY: as above.
            unsafe {
                assert_eq!(**Place::<Arc<u8>>::of(object).get(), 5);
                assert!(Arc::ptr_eq(&into_value::<Arc<u8>>(object), &arc));
            }
        }
        assert_eq!(Arc::strong_count(&arc), 1);
    }

    #[test]
    fn values_of_every_size_and_alignment_come_back() {
        fn back<T: Clone + PartialEq + std::fmt::Debug>(value: T) {
            let object = from_box(Box::new(value.clone()));
            assert!(direct::<T>(object).is_none());
            // SAFETY: as above.
            unsafe {
                assert_eq!(*Place::<T>::of(object).get(), value);
                assert_eq!(into_value::<T>(object), value);
                destroy::<T>(from_box(Box::new(value)));
            }
        }
        back(());
        back(1_u8);
        back([1_u8; 8]); // a word without its alignment: its box may be at an odd address
        back(1_u64);
        back(usize::MAX); // a word with all bits set
        back("text");
        back(String::from("text"));
        back([7_u64; 1000]);
        back(Box::new(3));
    }

    #[test]
    fn interior_mutability_of_a_boxed_word_is_kept() {
        let object = from_box(Box::new(AtomicUsize::new(1)));
        // SAFETY: as above.
        unsafe {
            Place::<AtomicUsize>::of(object).get().store(2, SeqCst);
            assert_eq!(Place::<AtomicUsize>::of(object).get().load(SeqCst), 2);
            destroy::<AtomicUsize>(object);
        }
    }
}
