//! The interface of a table under study. Workloads are compiled for each table, so that no call in a measured loop is indirect.

use crate::think::opaque;

/// A key is a word, whichever type a table has for it.
pub type Key = u64;

/// A value of one word or several. It is the address of an object, which the study stores in all words.
pub trait Value: Copy + Send + Sync + 'static {
    const WORDS: u64;
    fn of(address: u64) -> Self;
    /// Returns the address; 0 if the words differ, as they do in a value that is put together from two.
    fn address(&self) -> u64;
}

impl<const WORDS: usize> Value for [u64; WORDS] {
    const WORDS: u64 = WORDS as u64;

    #[inline(always)]
    fn of(address: u64) -> Self {
        [address; WORDS]
    }

    #[inline(always)]
    fn address(&self) -> u64 {
        if WORDS == 1 {
            return self[0];
        }
        // Word by word: a wide load would wait for the narrow stores of a table that has just put the value together.
        let difference = self.iter().fold(0, |difference, word| difference | (opaque(*word) ^ self[0]));
        if difference == 0 { self[0] } else { 0 }
    }
}

/// A table. All of its functions are called by many threads at the same time.
pub trait Table: Send + Sync + Sized + 'static {
    type Value: Value;
    /// The data of one thread.
    type Session: Default + Send;

    fn with_capacity(capacity: usize) -> Self;

    /// Returns nothing if the table is full.
    fn insert(&self, session: &mut Self::Session, value: Self::Value) -> Option<Key>;
    /// Returns nothing if the key is not live.
    fn find(&self, key: Key) -> Option<Self::Value>;
    /// Returns false if the key is not live.
    fn remove(&self, key: Key) -> bool;
}

/// A table that keeps an object alive while a thread holds a pin of it.
pub trait Pins: Table {
    type Pin<'t>;
    /// Returns nothing if the key is not live.
    fn pin(&self, key: Key) -> Option<Self::Pin<'_>>;
    fn pinned(pin: &Self::Pin<'_>) -> Self::Value;
}

/// A table of which a thread can look several keys up under one guard.
pub trait Scopes: Table {
    type Scope<'t>;
    fn open(&self) -> Self::Scope<'_>;
    fn find_in(&self, scope: &Self::Scope<'_>, key: Key) -> Option<Self::Value>;

    /// As insert and remove, for a table that can do them under the guard.
    #[inline(always)]
    fn insert_in(&self, _scope: &Self::Scope<'_>, session: &mut Self::Session, value: Self::Value) -> Option<Key> {
        self.insert(session, value)
    }
    #[inline(always)]
    fn remove_in(&self, _scope: &Self::Scope<'_>, key: Key) -> bool {
        self.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_same_address_in_all_words() {
        assert_eq!(<[u64; 1]>::of(48).address(), 48);
        assert_eq!(<[u64; 8]>::of(48).address(), 48);
        for word in 0..4 {
            let mut mixed = <[u64; 4]>::of(48);
            mixed[word] = 56;
            assert_eq!(mixed.address(), 0);
        }
    }
}
