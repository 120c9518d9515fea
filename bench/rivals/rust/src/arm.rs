//! The arms of this program: tables compiled into all workloads that they can do.

use crate::request::{NotRun, Request};
use crate::table::{Pins, Scopes, Table, Value};
use crate::workload::Workload;
use crate::workloads::lifetimes::{ChurnBesideIdle, ThreadChurn};
use crate::workloads::limits::{Full, Grow};
use crate::workloads::look_ups::{FirstLookUps, LookUps, ScopedLookUps};
use crate::workloads::mixes::{Mixed, ScopedMix};
use crate::workloads::pins::{DeletePinned, HeldPins, Pinning};
use crate::workloads::transfers::{HandOff, Ownership, ProducersConsumers};
use crate::workloads::updates::{Burst, Churn};

type Make = Box<dyn Fn(&Request) -> Result<Box<dyn Workload>, NotRun>>;

/// A workload as an arm has it, or the member that the arm lacks.
pub struct WorkloadEntry {
    pub name: &'static str,
    pub make: Result<Make, &'static str>,
}

/// The workloads of an arm for values of so many words.
pub struct ValueEntry {
    pub words: u64,
    pub workloads: Vec<WorkloadEntry>,
}

pub struct Arm {
    pub name: &'static str,
    pub version: &'static str,
    pub progress: &'static str,
    /// None: no limit is known; so is the other.
    pub max_threads: Option<usize>,
    pub max_capacity: Option<usize>,
    /// The crates with which it is linked, besides that of the table.
    pub crates: &'static [&'static str],
    pub values: Vec<ValueEntry>,
}

fn entry<W: Workload + 'static>(name: &'static str, new: impl Fn(&Request) -> Result<W, NotRun> + 'static) -> WorkloadEntry {
    let make = move |request: &Request| new(request).map(|workload| Box::new(workload) as Box<dyn Workload>);
    WorkloadEntry { name, make: Ok(Box::new(make)) }
}

fn lacking(name: &'static str, member: &'static str) -> WorkloadEntry {
    WorkloadEntry { name, make: Err(member) }
}

/// Returns the workloads of a table that has neither pins nor scopes.
pub fn plain<T: Table>() -> ValueEntry {
    let workloads = vec![
        entry("find", LookUps::<T, false>::new),
        entry("find-first", FirstLookUps::<T>::new),
        entry("stale", LookUps::<T, true>::new),
        entry("churn", Churn::<T, false>::new),
        entry("churn-find", Churn::<T, true>::new),
        entry("burst", Burst::<T>::new),
        lacking("batch", "NewBatch"),
        entry("mixed", Mixed::<T, false>::new),
        entry("shared-mix", Mixed::<T, true>::new),
        entry("hand-off", HandOff::<T>::new),
        entry("producers-consumers", ProducersConsumers::<T>::new),
        entry("ownership", Ownership::<T>::new),
        lacking("pin", "Pin"),
        lacking("pin-hold", "Pin"),
        lacking("delete-pinned", "Pin"),
        lacking("delete-unless-pinned", "DeleteUnlessPinned"),
        lacking("scope", "Scope"),
        lacking("stale-scope", "Scope"),
        lacking("mixed-scope", "Scope"),
        entry("thread-churn", ThreadChurn::<T>::new),
        entry("full", Full::<T>::new),
        entry("grow", Grow::<T>::new),
        lacking("stats", "Stats"),
        entry("idle", ChurnBesideIdle::<T>::new),
    ];
    ValueEntry { words: T::Value::WORDS, workloads }
}

impl ValueEntry {
    fn replace(&mut self, entry: WorkloadEntry) {
        let at = self.workloads.iter().position(|one| one.name == entry.name).unwrap();
        self.workloads[at] = entry;
    }

    pub fn with_pins<T: Pins>(mut self) -> Self {
        self.replace(entry("pin", Pinning::<T>::new));
        self.replace(entry("pin-hold", HeldPins::<T>::new));
        self.replace(entry("delete-pinned", DeletePinned::<T>::new));
        self
    }

    pub fn with_scopes<T: Scopes>(mut self) -> Self {
        self.replace(entry("scope", ScopedLookUps::<T, false>::new));
        self.replace(entry("stale-scope", ScopedLookUps::<T, true>::new));
        self.replace(entry("mixed-scope", ScopedMix::<T>::new));
        self
    }
}

/// Returns the entries of `$table` for all sizes of values; `$more` are the capabilities that it has.
#[macro_export]
macro_rules! values_of {
    ($table:ident $(, $more:ident)*) => {
        vec![
            $crate::arm::plain::<$table<[u64; 1]>>()$(.$more::<$table<[u64; 1]>>())*,
            $crate::arm::plain::<$table<[u64; 2]>>()$(.$more::<$table<[u64; 2]>>())*,
            $crate::arm::plain::<$table<[u64; 4]>>()$(.$more::<$table<[u64; 4]>>())*,
            $crate::arm::plain::<$table<[u64; 8]>>()$(.$more::<$table<[u64; 8]>>())*,
        ]
    };
}
