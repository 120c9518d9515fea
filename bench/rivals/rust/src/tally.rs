//! The counts of one thread.

/// The kinds of operations that are counted.
#[derive(Clone, Copy)]
pub enum Kind {
    New,
    Find,
    Delete,
    Stale,
    Pin,
    Unpin,
    DeletePinned,
    Scope,
    Round,
}

/// The names that the answer has for them.
pub const KIND_NAMES: [&str; 9] = ["new", "find", "delete", "stale", "pin", "unpin", "delete_pinned", "scope", "round"];
pub const KINDS: usize = KIND_NAMES.len();

/// Answers that no correct table gives.
#[derive(Clone, Copy)]
pub enum Wrong {
    NotFound,
    NotDeleted,
    OtherValue,
    StaleFound,
    StaleDeleted,
    Twice,
}

pub const WRONG_ANSWERS: [&str; 6] = [
    "a live key was not found",
    "a live key could not be deleted",
    "a key had another's value",
    "a deleted key was found",
    "a deleted key was deleted anew",
    "a key was live twice",
];

/// Workloads add what they have attempted once a chunk. Failures and wrong answers are counted at once, in branches that are
/// seldom or never taken, because a store for each operation would delay the next compare-and-swap.
#[derive(Clone, Default)]
pub struct Tally {
    pub attempted: [u64; KINDS],
    pub failed: [u64; KINDS],
    pub wrong: [u64; WRONG_ANSWERS.len()],
}

impl Tally {
    pub fn attempted(&mut self, kind: Kind, count: usize) {
        self.attempted[kind as usize] += count as u64;
    }
    #[cold]
    #[inline(never)]
    pub fn failed(&mut self, kind: Kind) {
        self.failed[kind as usize] += 1;
    }
    #[cold]
    #[inline(never)]
    pub fn answered(&mut self, answer: Wrong) {
        self.wrong[answer as usize] += 1;
    }
}
