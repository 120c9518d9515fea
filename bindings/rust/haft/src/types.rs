// A descriptor for each type of Rust's.
//
// Two types are one for the C ABI if their descriptors have the same address (all of these have a null identity), and
// then a pin hands out a reference to the one as a reference to the other. Therefore it must be impossible that two types
// share a descriptor, and should be impossible that one type has two. Neither the address of a generic constant nor
// that of a generic function can be relied on for that, because the compiler and the linker may merge equal ones and
// may copy one for each unit of code. A name cannot either: two crates, or two versions of one, may have types of
// equal name. Therefore:
//
// - The key is the TypeId. It differs for any two types of one program, however they are named, as `dyn Any` relies
// on, too. - The descriptor is a heap allocation that is never freed, so no two have the same address, and a look-up
// that is late may still read it. Its name is a copy for the same reason: a library that is unloaded takes its
// strings away. - The registry is a static of this copy of the crate. Two shared libraries that both contain a copy
// may have been compiled from different sources, for which equal TypeIds say nothing. They have two registries, thus
// different descriptors, and refuse each other's values as of another type. - The registry gives all threads the same
// record (registry.rs).

use std::any::{self, TypeId};
use std::ffi::CString;
use std::marker::PhantomData;
use std::mem;
use std::os::raw::c_char;
use std::ptr;

use haft_sys as sys;

use crate::diagnostics::check_library_version;
use crate::error::Error;
use crate::object;
use crate::registry::{Record, Registry};
use crate::sync::AtomicPtr;
use crate::table::Table;

/// A descriptor, and the name that it points to.
pub(crate) struct Descriptor {
    // Its name is a CString of its own.
    raw: sys::haft_type,
}
// SAFETY: it is never changed.
unsafe impl Send for Descriptor {}
// SAFETY: it is never changed.
unsafe impl Sync for Descriptor {}

impl Descriptor {
    pub(crate) fn new(name: &str, destroy: sys::haft_destroy, size: usize, alignment: usize) -> Descriptor {
        Descriptor {
            raw: sys::haft_type {
                name: CString::new(name).unwrap_or_default().into_raw(),
                identity: ptr::null(),
                destroy: Some(destroy),
                size,
                alignment,
            },
        }
    }

    #[inline(always)]
    pub(crate) fn raw(&self) -> *const sys::haft_type {
        &self.raw
    }
}

/// Only one that lost a race to another is dropped.
impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: `new` has made it.
        drop(unsafe { CString::from_raw(self.raw.name as *mut c_char) });
    }
}

const BUCKETS: usize = 256;
#[allow(clippy::declare_interior_mutable_const)] // for copies
const EMPTY: AtomicPtr<Record<Descriptor>> = AtomicPtr::new(ptr::null_mut());
static TYPES: Registry<Descriptor, BUCKETS> = Registry::from_empty([EMPTY; BUCKETS]);

/// The descriptor of `T`, in the table of either kind. Whoever has one knows that the loaded library is compatible
/// and that the process's table has been filled in.
pub(crate) struct Of<T>(*const sys::haft_type, PhantomData<fn(T) -> T>);

impl<T> Clone for Of<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Of<T> {}

impl<T: 'static> Of<T> {
    /// It costs two loads and a compare, because the place and the `TypeId` are constants.
    #[inline(always)]
    pub(crate) fn get() -> Result<Self, Error> {
        match TYPES.get(TypeId::of::<T>()) {
            Some(descriptor) => Ok(Of(descriptor.raw(), PhantomData)),
            None => Self::describe(),
        }
    }

    #[cold]
    #[inline(never)]
    fn describe() -> Result<Self, Error> {
        check_library_version()?;
        let _ = Table::process();
        let make = || {
            Descriptor::new(
                any::type_name::<T>(),
                object::destroy::<T>,
                mem::size_of::<T>(),
                mem::align_of::<T>(),
            )
        };
        // The above happens before another thread finds the record.
        Ok(Of(TYPES.get_or_insert(TypeId::of::<T>(), make).raw(), PhantomData))
    }

    #[inline(always)]
    pub(crate) fn raw(self) -> *const sys::haft_type {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Descriptor;
    use std::ffi::CStr;
    use std::os::raw::c_void;

    unsafe extern "C" fn destroy(_: *mut c_void) {}

    #[test]
    fn descriptor_keeps_its_name_when_it_is_moved() {
        let descriptor = Box::new(Descriptor::new("a name", destroy, 3, 1));
        // SAFETY: the name lives as long as the descriptor.
        let raw = unsafe { &*descriptor.raw() };
        assert_eq!(unsafe { CStr::from_ptr(raw.name) }.to_str(), Ok("a name"));
        assert!(raw.identity.is_null());
        assert_eq!((raw.size, raw.alignment), (3, 1));
    }
}
