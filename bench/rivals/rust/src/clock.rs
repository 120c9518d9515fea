//! The clock of all measurements.

pub const NAME: &str = "CLOCK_MONOTONIC";

/// Returns nanoseconds.
#[inline]
pub fn now_ns() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to the variable only. The clock is one that every Linux has.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

pub struct ClockFacts {
    /// The cost of one reading.
    pub cost_ns: f64,
    /// The least difference of two readings.
    pub granularity_ns: i64,
}

/// Measures the clock, which takes about a millisecond.
pub fn measure_clock() -> ClockFacts {
    const ROUNDS: usize = 20;
    const READINGS: usize = 1000;
    let mut facts = ClockFacts { cost_ns: f64::MAX, granularity_ns: i64::MAX };
    for _ in 0..ROUNDS {
        let begin = now_ns();
        let mut last = begin;
        for _ in 0..READINGS {
            let now = now_ns();
            if now != last {
                facts.granularity_ns = facts.granularity_ns.min(now - last);
            }
            last = now;
        }
        // The least: whatever disturbs the machine makes a round longer.
        facts.cost_ns = facts.cost_ns.min((last - begin) as f64 / READINGS as f64);
    }
    facts
}
