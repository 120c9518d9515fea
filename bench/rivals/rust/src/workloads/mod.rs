//! The workloads, and the parts that several of them have in common.

pub mod lifetimes;
pub mod limits;
pub mod look_ups;
pub mod mixes;
pub mod pins;
pub mod transfers;
pub mod updates;

use crate::draws::Draws;
use crate::key_distribution::KeyDistribution;
use crate::request::{NotRun, Request, refused};
use crate::stock::Stock;
use crate::table::Table;
use crate::workload::Context;

/// The shared part of a workload that has a stock of live handles.
pub struct Stocked<T> {
    pub stock: Stock<T>,
}

impl<T: Table> Stocked<T> {
    /// As `Stock::new`.
    pub fn new(request: &Request, in_hand: usize, with_stale_keys: bool) -> Result<Self, NotRun> {
        Ok(Stocked { stock: Stock::new(request, in_hand, with_stale_keys)? })
    }
    pub fn new_task(&self) -> StockedTask<'_, T> {
        StockedTask { stock: &self.stock, session: T::Session::default() }
    }
}

/// The part of one thread in it.
pub struct StockedTask<'w, T: Table> {
    pub stock: &'w Stock<T>,
    pub session: T::Session,
}

/// The shared part of a workload whose steps are drawn.
pub struct Drawing<T> {
    pub stock: Stock<T>,
    cells: usize,
    /// Whether each thread has as many cells, made one after the other. Otherwise all threads draw from the same.
    of_own: bool,
    distribution: KeyDistribution,
}

impl<T: Table> Drawing<T> {
    /// All threads draw from all cells.
    pub fn of_all_cells(request: &Request, in_hand: usize, with_stale_keys: bool) -> Result<Self, NotRun> {
        Self::new(request, in_hand, with_stale_keys, false)
    }
    /// Each thread draws from a run of as many cells as the others have.
    pub fn of_own_cells(request: &Request, in_hand: usize, with_stale_keys: bool) -> Result<Self, NotRun> {
        Self::new(request, in_hand, with_stale_keys, true)
    }

    fn new(request: &Request, in_hand: usize, with_stale_keys: bool, of_own: bool) -> Result<Self, NotRun> {
        let cells = if of_own { request.live / request.threads } else { request.live };
        if cells == 0 {
            let why = if of_own { "each thread needs a live handle" } else { "this workload needs a live handle" };
            return Err(refused("live", why));
        }
        let stock = Stock::new(request, in_hand, with_stale_keys)?;
        let distribution = KeyDistribution::new(&request.skew, cells, request.seed);
        Ok(Drawing { stock, cells, of_own, distribution })
    }

    pub fn new_task(&self, context: &Context) -> DrawingTask<'_, T> {
        let request = context.request;
        let draws = Draws::new(&self.distribution, self.cells, &request.mix, request.seed, context.index as u64);
        let first_cell = if self.of_own { context.index * self.cells } else { 0 };
        DrawingTask { stock: &self.stock, session: T::Session::default(), draws, first_cell }
    }
}

/// The part of one thread in it.
pub struct DrawingTask<'w, T: Table> {
    pub stock: &'w Stock<T>,
    pub session: T::Session,
    pub draws: Draws,
    pub first_cell: usize,
}
