// A deterministic scheduler: threads that are coroutines of one real thread, so
// that which of them makes the next step is a function of a seed.
//
// A step is one access to memory that threads share. The scheduler is asked
// before each: the interleavings are those of a sequentially consistent
// machine. (Weaker ones are for the models to explore.) Nothing may block
// between two steps, and thread_local is all threads': see ThisThread in
// scheduler_sync.h.

#ifndef TESTS_INTERLEAVING_SCHEDULE_SCHEDULER_H_
#define TESTS_INTERLEAVING_SCHEDULE_SCHEDULER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace haft::schedule {

enum class Access : unsigned char { kLoad, kStore, kReadModifyWrite, kPlain };

// Who makes the next step.
enum class Policy : unsigned char {
  kInOrder,     // thread 0 until it ends or stops, then thread 1, and so on
  kRoundRobin,  // each in turn, so many steps at a time as the seed says
  kRandom,      // anyone
  // The one of the highest priority: priorities are random, and at random
  // steps the running thread falls behind all others. Finds each bug that needs
  // d such changes with a probability of at least 1/(n k^(d-1)), n threads and
  // k steps (Burckhardt et al., ASPLOS 2010).
  kPct,
  // Thread 0, but before each of its read-modify-writes another thread ends an
  // operation. So a loop that such an operation makes go round does so for
  // ever.
  kInterfere,
};
const char* PolicyName(Policy policy);

struct Plan {
  Policy policy = Policy::kInOrder;
  std::uint64_t seed = 1;
  // For kPct.
  unsigned changes = 3;
  std::uint64_t length = 300;
  // Thread t stops for ever before step number stop_before[t], counted from its
  // BeginOperation; 0 or missing: does not.
  std::vector<std::uint64_t> stop_before;
  // More steps than that in all mean that somebody waits.
  std::uint64_t step_limit = 1000000;
};

struct Outcome {
  std::uint64_t steps = 0;
  bool stuck = false;  // the limit was reached
  unsigned stopped = 0;
};

// Runs `bodies`, each in a thread of its own, until all have ended or stopped.
// Threads that stopped in an earlier Run stay where they are, and the numbers
// of the new ones start behind theirs. If the limit is reached, the stopped
// ones go on so that all come to an end; should even that not help, the process
// aborts.
Outcome Run(const Plan& plan, std::vector<std::function<void()>> bodies);

// Lets those that stopped go on, until all have ended.
Outcome Resume();

// For the bodies.

// From here on the steps of the calling thread count.
void BeginOperation();
// How many they were.
std::uint64_t EndOperation();
// Runs what the calling thread has arranged for its end, now.
void ExitThread();

// For the backend.

// There are not more threads at a time.
inline constexpr unsigned kMostThreads = 128;
// The number of the calling thread; outside of Run, kMostThreads.
unsigned ThreadNumber() noexcept;
void BeforeAccess(Access access) noexcept;
// The calling thread waits for another.
void Yield() noexcept;
void AtThreadExit(void (*hook)(void*), void* cookie) noexcept;
// Below `bound`; whatever the seed says, 0 outside of Run.
unsigned Choose(unsigned bound) noexcept;
// Zero bytes. All are given back when nobody holds any.
void* ReserveBytes(std::size_t bytes) noexcept;
void UnreserveBytes() noexcept;

// Faults of the machine, to see whether the tests see them.
struct Faults {
  bool torn_compare_and_swap = false;  // a load, and later a store
  bool torn_addition = false;          // the same
  bool lost_exit_hook = false;
};
inline Faults faults;

}  // namespace haft::schedule

#endif  // TESTS_INTERLEAVING_SCHEDULE_SCHEDULER_H_
