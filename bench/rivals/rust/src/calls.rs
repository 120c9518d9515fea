//! The operations of a table as workloads call them: paced, timed and checked.

use std::hint::black_box;

use crate::pacer::Pacer;
use crate::table::{Key, Pins, Scopes, Table, Value};
use crate::tally::{Kind, Tally, Wrong};

/// For use as a local variable of the measured loop. The calls are inlined by force, so that the loop has everything in
/// registers. OBSERVED is false if operations are neither paced nor timed.
pub struct Calls<'c, 'r, T: Table, const OBSERVED: bool> {
    pub table: &'c T,
    pub session: &'c mut T::Session,
    pub tally: &'c mut Tally,
    pub pacer: &'c mut Pacer<'r>,
    pub touches: bool,
}

impl<T: Table, const OBSERVED: bool> Calls<'_, '_, T, OBSERVED> {
    #[inline(always)]
    pub fn begin(&mut self) -> i64 {
        if OBSERVED { self.pacer.begin() } else { 0 }
    }
    #[inline(always)]
    pub fn end(&mut self, begin: i64, kind: Kind) {
        if OBSERVED {
            self.pacer.end(begin, kind);
        }
    }

    /// Returns nothing if the table is full.
    #[inline(always)]
    pub fn make(&mut self, address: u64) -> Option<Key> {
        let begin = self.begin();
        let key = self.table.insert(self.session, T::Value::of(address));
        self.end(begin, Kind::New);
        if key.is_none() {
            self.tally.failed(Kind::New);
        }
        key
    }

    #[inline(always)]
    pub fn delete(&mut self, key: Key) {
        self.delete_as(key, Kind::Delete);
    }
    #[inline(always)]
    pub fn delete_as(&mut self, key: Key, kind: Kind) {
        let begin = self.begin();
        let deleted = self.table.remove(key);
        self.end(begin, kind);
        if !deleted {
            self.tally.answered(Wrong::NotDeleted);
        }
    }

    /// Looks up a key that is live.
    #[inline(always)]
    pub fn find(&mut self, key: Key, address: u64) {
        let begin = self.begin();
        let found = self.table.find(key);
        self.end(begin, Kind::Find);
        self.check_found(found, address);
    }

    /// Looks up a key that another thread may delete at the same time.
    #[inline(always)]
    pub fn find_if_live(&mut self, key: Key, address: u64) {
        let begin = self.begin();
        let found = self.table.find(key);
        self.end(begin, Kind::Find);
        if let Some(value) = found {
            self.check(value, address);
        }
    }

    /// Looks up a key that is deleted.
    #[inline(always)]
    pub fn find_stale(&mut self, key: Key) {
        let begin = self.begin();
        let found = self.table.find(key);
        self.end(begin, Kind::Stale);
        if found.is_some() {
            self.tally.answered(Wrong::StaleFound);
        }
    }

    /// Checks the value of a live key, and reads the object if the request says so.
    #[inline(always)]
    pub fn check(&mut self, value: T::Value, address: u64) {
        if value.address() != address {
            self.tally.answered(Wrong::OtherValue);
        } else if self.touches {
            // SAFETY: it is the address of an object of the stock, which nobody changes.
            black_box(unsafe { (address as *const u64).read() });
        }
    }
    #[inline(always)]
    fn check_found(&mut self, found: Option<T::Value>, address: u64) {
        match found {
            Some(value) => self.check(value, address),
            None => self.tally.answered(Wrong::NotFound),
        }
    }
}

impl<'c, T: Pins, const OBSERVED: bool> Calls<'c, '_, T, OBSERVED> {
    /// Pins a live key and checks its value.
    #[inline(always)]
    pub fn pin<'t>(&mut self, table: &'t T, key: Key, address: u64) -> Option<T::Pin<'t>> {
        let begin = self.begin();
        let pin = table.pin(key);
        self.end(begin, Kind::Pin);
        self.check_found(pin.as_ref().map(T::pinned), address);
        pin
    }

    #[inline(always)]
    pub fn unpin(&mut self, pin: Option<T::Pin<'_>>) {
        let Some(pin) = pin else { return };
        let begin = self.begin();
        drop(pin);
        self.end(begin, Kind::Unpin);
    }
}

impl<T: Scopes, const OBSERVED: bool> Calls<'_, '_, T, OBSERVED> {
    /// Looks up a key that is live, in a scope and without pacing.
    #[inline(always)]
    pub fn find_in(&mut self, scope: &T::Scope<'_>, key: Key, address: u64) {
        let found = self.table.find_in(scope, key);
        self.check_found(found, address);
    }

    /// Looks up a key that is deleted, likewise.
    #[inline(always)]
    pub fn find_stale_in(&mut self, scope: &T::Scope<'_>, key: Key) {
        if self.table.find_in(scope, key).is_some() {
            self.tally.answered(Wrong::StaleFound);
        }
    }

    /// Replaces a key that is live by a new one, likewise. Returns nothing, and leaves the key, if the table is full.
    #[inline(always)]
    pub fn replace_in(&mut self, scope: &T::Scope<'_>, key: Key, address: u64) -> Option<Key> {
        let new = self.table.insert_in(scope, self.session, T::Value::of(address));
        if new.is_none() {
            self.tally.failed(Kind::New);
        } else if !self.table.remove_in(scope, key) {
            self.tally.answered(Wrong::NotDeleted);
        }
        new
    }
}
