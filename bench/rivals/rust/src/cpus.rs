//! CPUs: those that a thread may use, and those that it has been seen on.

/// More CPUs than `cpu_set_t` has room for.
const MAX_CPUS: usize = 8192;
const BITS: usize = u64::BITS as usize;

type Set = [u64; MAX_CPUS / BITS];

/// Returns the CPUs that this process may use.
pub fn allowed_cpus() -> Vec<usize> {
    let mut set: Set = [0; MAX_CPUS / BITS];
    // SAFETY: the kernel writes no more than the size that it is given.
    let status = unsafe { libc::sched_getaffinity(0, size_of::<Set>(), (&raw mut set).cast()) };
    if status != 0 {
        return vec![];
    }
    (0..MAX_CPUS).filter(|cpu| set[cpu / BITS] >> (cpu % BITS) & 1 != 0).collect()
}

/// Binds the calling thread. Returns false if the kernel refuses.
pub fn bind_thread(cpus: &[usize]) -> bool {
    let mut set: Set = [0; MAX_CPUS / BITS];
    for cpu in cpus {
        set[cpu / BITS] |= 1 << (cpu % BITS);
    }
    // SAFETY: the kernel reads no more than the size that it is given.
    unsafe { libc::sched_setaffinity(0, size_of::<Set>(), (&raw const set).cast()) == 0 }
}

/// The CPUs on which a thread was whenever it has looked.
#[derive(Default)]
pub struct SeenCpus {
    /// In ascending order.
    cpus: Vec<i32>,
    last: Option<i32>,
    moves: u64,
}

impl SeenCpus {
    pub fn look(&mut self) {
        // SAFETY: it takes nothing.
        let cpu = unsafe { libc::sched_getcpu() };
        if cpu < 0 || self.last == Some(cpu) {
            return;
        }
        if self.last.replace(cpu).is_some() {
            self.moves += 1;
        }
        if let Err(at) = self.cpus.binary_search(&cpu) {
            self.cpus.insert(at, cpu);
        }
    }

    pub fn cpus(&self) -> &[i32] {
        &self.cpus
    }
    /// Returns how often it was on another CPU than before. It may have moved to and fro in between.
    pub fn moves(&self) -> u64 {
        self.moves
    }
}
