//! The tables under study.

mod concurrent_slotmap;
mod idr_ebr;
mod keyed;
mod papaya;
mod scc;
mod sharded_slab;
mod slotmap_mutex;

use crate::arm::Arm;

/// Returns the arms in the order in which they are listed.
pub fn arms() -> Vec<Arm> {
    vec![sharded_slab::arm(), concurrent_slotmap::arm(), idr_ebr::arm(), slotmap_mutex::arm(), scc::arm(), papaya::arm()]
}

#[cfg(test)]
mod tests {
    use super::concurrent_slotmap::ConcurrentSlotMap;
    use super::idr_ebr::IdrEbr;
    use super::papaya::Papaya;
    use super::scc::Scc;
    use super::sharded_slab::ShardedSlab;
    use super::slotmap_mutex::SlotMapMutex;
    use crate::table::{Pins, Scopes, Table};

    type Words = [u64; 4];

    fn session<T: Table>() -> T::Session {
        T::Session::default()
    }

    fn deleted_keys_are_refused<T: Table<Value = Words>>() {
        let table = T::with_capacity(64);
        let mut session = session::<T>();
        let keys = [0; 40].map(|_| table.insert(&mut session, [8; 4]).unwrap());
        for key in keys {
            assert_eq!(table.find(key), Some([8; 4]));
            assert!(table.remove(key));
            assert!(table.find(key).is_none() && !table.remove(key));
        }
        // Their places are used again, with other keys.
        let others = [0; 40].map(|_| table.insert(&mut session, [16; 4]).unwrap());
        for (key, other) in keys.into_iter().zip(others) {
            assert!(table.find(key).is_none() && !table.remove(key));
            assert_eq!(table.find(other), Some([16; 4]));
        }
    }

    #[test]
    fn every_table_refuses_deleted_keys() {
        deleted_keys_are_refused::<ShardedSlab<Words>>();
        deleted_keys_are_refused::<ConcurrentSlotMap<Words>>();
        deleted_keys_are_refused::<IdrEbr<Words>>();
        deleted_keys_are_refused::<SlotMapMutex<Words>>();
        deleted_keys_are_refused::<Scc<Words>>();
        deleted_keys_are_refused::<Papaya<Words>>();
    }

    fn a_pin_keeps_what_is_deleted<T: Pins<Value = Words>>() {
        let table = T::with_capacity(64);
        let mut session = session::<T>();
        let key = table.insert(&mut session, [8; 4]).unwrap();
        let pins = [table.pin(key).unwrap(), table.pin(key).unwrap()];
        assert!(table.remove(key) && table.pin(key).is_none());
        for _ in 0..1000 {
            let other = table.insert(&mut session, [16; 4]).unwrap();
            assert!(table.remove(other));
        }
        assert!(pins.iter().all(|pin| T::pinned(pin) == [8; 4]));
    }

    #[test]
    fn every_pin_keeps_what_is_deleted() {
        a_pin_keeps_what_is_deleted::<ShardedSlab<Words>>();
        a_pin_keeps_what_is_deleted::<ConcurrentSlotMap<Words>>();
        a_pin_keeps_what_is_deleted::<IdrEbr<Words>>();
        a_pin_keeps_what_is_deleted::<Papaya<Words>>();
    }

    fn a_scope_finds_what_is_live<T: Scopes<Value = Words>>() {
        let table = T::with_capacity(64);
        let key = table.insert(&mut session::<T>(), [8; 4]).unwrap();
        let scope = table.open();
        assert_eq!(table.find_in(&scope, key), Some([8; 4]));
        assert!(table.remove(key));
        assert_eq!(table.find_in(&scope, key), None);
        let other = table.insert_in(&scope, &mut session::<T>(), [16; 4]).unwrap();
        assert_eq!(table.find_in(&scope, other), Some([16; 4]));
        assert!(table.remove_in(&scope, other) && !table.remove_in(&scope, other));
        assert_eq!(table.find_in(&scope, other), None);
    }

    #[test]
    fn every_scope_finds_what_is_live() {
        a_scope_finds_what_is_live::<ConcurrentSlotMap<Words>>();
        a_scope_finds_what_is_live::<IdrEbr<Words>>();
        a_scope_finds_what_is_live::<Papaya<Words>>();
    }
}
