// A deterministic scheduler. Its threads are coroutines of one real thread, so
// that a seed determines which of them makes the next step.
//
// A step is one access to memory that threads share. The scheduler is asked
// before each, so that the interleavings are those of a sequentially consistent
// machine. (The models explore weaker machines.) Nothing may block between two
// steps, and all threads share the thread_local variables; ThisThread in
// scheduler_sync.h replaces them.

#ifndef TESTS_INTERLEAVING_SCHEDULE_SCHEDULER_H_
#define TESTS_INTERLEAVING_SCHEDULE_SCHEDULER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace haft::schedule {

enum class Access : unsigned char { kLoad, kStore, kReadModifyWrite, kPlain };

// The rule that chooses the thread that makes the next step.
enum class Policy : unsigned char {
  kInOrder,     // thread 0 until it ends or stops, then thread 1, and so on
  kRoundRobin,  // each in turn, for a number of steps that the seed determines
  kRandom,      // anyone
  // The thread of the highest priority. Priorities are random, and at random
  // steps the running thread falls behind all others. This finds each bug that
  // needs d such changes with a probability of at least 1/(n k^(d-1)), n
  // threads and k steps (Burckhardt et al., ASPLOS 2010).
  kPct,
  // Thread 0, but before each of its read-modify-writes another thread finishes
  // an operation. A loop that such an operation sends around once more never
  // ends.
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
  // BeginOperation; if it is 0 or missing, the thread does not stop.
  std::vector<std::uint64_t> stop_before;
  // If all threads together take more steps, some thread is assumed to wait.
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
// threads go on so that all finish. If even that does not help, the process
// aborts.
Outcome Run(const Plan& plan, std::vector<std::function<void()>> bodies);

// Lets the stopped threads go on until all have ended.
Outcome Resume();

// For the bodies.

// From here on, the steps of the calling thread are counted.
void BeginOperation();
// Returns how many there were.
std::uint64_t EndOperation();
// Runs now the functions that the calling thread has arranged for its end.
void ExitThread();

// For the backend.

// The largest number of threads at a time.
inline constexpr unsigned kMostThreads = 128;
// Returns the number of the calling thread, or kMostThreads outside of Run.
unsigned ThreadNumber() noexcept;
void BeforeAccess(Access access) noexcept;
// Tells the scheduler that the calling thread waits for another.
void Yield() noexcept;
void AtThreadExit(void (*hook)(void*), void* cookie) noexcept;
// Returns a number below `bound` that the seed determines, and 0 outside of
// Run.
unsigned Choose(unsigned bound) noexcept;
// Returns zeroed bytes. All are given back when no range is in use.
void* ReserveBytes(std::size_t bytes) noexcept;
void UnreserveBytes() noexcept;

// Faults of the machine, with which tests of the tests show that they are
// noticed.
struct Faults {
  bool torn_compare_and_swap = false;  // a load, and later a store
  bool torn_addition = false;          // the same
  bool lost_exit_hook = false;
};
inline Faults faults;

}  // namespace haft::schedule

#endif  // TESTS_INTERLEAVING_SCHEDULE_SCHEDULER_H_
