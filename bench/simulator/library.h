// The state that the library keeps for a process, as part of a simulation.

#ifndef HAFT_BENCH_SIMULATOR_LIBRARY_H_
#define HAFT_BENCH_SIMULATOR_LIBRARY_H_

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "bench/simulator/names.h"
#include "bench/simulator/simulation.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

// The atomics of a thread registry.
template <typename Registry>
struct RegistryNames {
  static std::vector<AtomicName> Get() {
    namespace sync = internal::sync;
    return {{"indices_.words_", sync::kMaxThreads / 64},
            {"indices_.reach_"},
            {"indices_.taken_"},
            {"caches_.words_", sync::kMaxCaches / 64},
            {"caches_.reach_"},
            {"caches_.taken_"},
            {"tags_"},
            {"forks_"},
            {"forker_"}};
  }
};

// Gives the cores of a new simulation threads that have not used the library,
// and the library a thread registry that nobody has used. To be called before
// the first table is made, in the source file that makes the table: a proposal
// has a library of its own.
template <typename Registry = internal::ThreadRegistry>
void StartLibrary(Simulation& simulation) {
  namespace sync = internal::sync;
  sync::has_heavy_barrier = true;
  const std::size_t first = simulation.memory().ranges().size();
  sync::thread_states = static_cast<sync::ThreadState*>(
      simulation.memory().Allocate(sizeof(sync::ThreadState), kMostCores + 1));
  sync::outside_thread = &sync::thread_states[kMostCores];
  simulation.memory().Adopt(&Registry::OfThisCopy());
  NameRanges(
      simulation.memory(), first,
      {{"thread state %", sizeof(sync::ThreadState)},
       {"ThreadRegistry", sizeof(Registry), RegistryNames<Registry>::Get()}});
}

// The thread of the calling core ends, and another one begins.
inline void EndThread() {
  internal::sync::ThreadState& thread = internal::sync::ThisThread();
  if (thread.exit_cookie != nullptr)
    internal::sync::exit_hook(thread.exit_cookie);
  new (&thread) internal::sync::ThreadState();
}

// Threads that have no core: they use the library before the simulation runs,
// and sleep from then on.
class OtherThreads {
 public:
  OtherThreads(Simulation& simulation, std::size_t count) {
    if (count == 0) return;
    Memory& memory = simulation.memory();
    const std::size_t first = memory.ranges().size();
    void* const place =
        memory.Allocate(sizeof(internal::sync::ThreadState), count);
    if (place == nullptr) throw std::bad_alloc();
    states_ = static_cast<internal::sync::ThreadState*>(place);
    NameRanges(
        memory, first,
        {{"other thread's state %", sizeof(internal::sync::ThreadState)}});
  }

  // Calls f() as one of them, outside of the simulation's Run.
  template <typename F>
  void RunAs(std::size_t thread, F&& f) const {
    internal::sync::ThreadState* const before =
        std::exchange(internal::sync::outside_thread, &states_[thread]);
    f();
    internal::sync::outside_thread = before;
  }

 private:
  internal::sync::ThreadState* states_ = nullptr;
};

}  // namespace HAFT_ABI
}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_LIBRARY_H_
