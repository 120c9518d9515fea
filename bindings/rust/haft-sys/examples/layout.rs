//! Prints sizes, places and constants as this crate declares them. `layout.c` prints the same from the headers, and
//! test.sh compares.

#![allow(clippy::wildcard_imports, clippy::cast_lossless)] // all of them, whatever their types are

use std::mem::{align_of, size_of, MaybeUninit};
use std::ptr::addr_of;

use haft_sys::*;

macro_rules! layout {
    ($type:ident: $($field:ident as $name:literal),*) => {{
        println!("{} {} {}", stringify!($type), size_of::<$type>(), align_of::<$type>());
        let value = MaybeUninit::<$type>::uninit();
        // SAFETY: only addresses are taken.
        $(println!("{}.{} {}", stringify!($type), $name, unsafe {
            addr_of!((*value.as_ptr()).$field) as usize - value.as_ptr() as usize
        });)*
    }};
}

macro_rules! constants {
    ($($name:ident),*) => {{ $(println!("{} {}", stringify!($name), $name as u64);)* }};
}

fn main() {
    layout!(haft_type: name as "name", identity as "identity", destroy as "destroy", size as "size",
        alignment as "alignment");
    layout!(haft_pin: words as "words");
    layout!(haft_stats: live as "live", retired_objects as "retired_objects", created as "created",
        deleted as "deleted", exhausted_slots as "exhausted_slots", high_water as "high_water",
        capacity as "capacity", lost_caches as "lost_caches", refused_unpins as "refused_unpins");
    layout!(haft_slot: object as "object", type_ as "type", state as "state",
        content_object as "content_object", content_context as "content_context");
    layout!(haft_view: table as "table", gate as "gate", slots as "slots", mask as "mask",
        generation as "generation", generations as "generations");
    layout!(haft_loan: ready_count as "ready_count", ended_count as "ended_count", type_ as "type", ready as "ready",
        ended as "ended");
    println!("haft_handle {}", size_of::<haft_handle>());
    println!("haft_status {}", size_of::<haft_status>());
    constants!(
        HAFT_VERSION,
        HAFT_OK,
        HAFT_NULL,
        HAFT_MALFORMED,
        HAFT_NEVER_ISSUED,
        HAFT_STALE,
        HAFT_WRONG_TYPE,
        HAFT_FULL,
        HAFT_OUT_OF_MEMORY,
        HAFT_PINNED,
        HAFT_TIMED_OUT,
        HAFT_INVALID,
        HAFT_DEFERRED,
        HAFT_DIAGNOSE_SITES,
        HAFT_DIAGNOSE_LEAKS,
        HAFT_VIEW_ABI,
        HAFT_VIEW_WATCHED,
        HAFT_VIEW_FREE,
        HAFT_LOAN_HANDLES,
        HAFT_LEND_TO_THREAD
    );
}
