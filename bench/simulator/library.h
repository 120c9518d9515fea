// The state that the library keeps for a process, as part of a simulation.

#ifndef HAFT_BENCH_SIMULATOR_LIBRARY_H_
#define HAFT_BENCH_SIMULATOR_LIBRARY_H_

#include <cstddef>
#include <new>

#include "bench/simulator/names.h"
#include "bench/simulator/simulation.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::simulator {

// Gives the cores of a new simulation threads that have not used the library,
// and the library a thread registry that nobody has used. To be called before
// the first table is made.
inline void StartLibrary(Simulation& simulation) {
  namespace sync = internal::sync;
  const std::size_t first = simulation.memory().ranges().size();
  sync::thread_states = static_cast<sync::ThreadState*>(
      simulation.memory().Allocate(sizeof(sync::ThreadState), kMostCores + 1));
  simulation.memory().Adopt(&internal::ThreadRegistry::OfThisCopy());
  NameRanges(simulation.memory(), first,
             {{"thread state %", sizeof(sync::ThreadState)},
              {"ThreadRegistry",
               sizeof(internal::ThreadRegistry),
               {{"indices_.words_", sync::kMaxThreads / 64},
                {"indices_.reach_"},
                {"indices_.taken_"},
                {"caches_.words_", sync::kMaxCaches / 64},
                {"caches_.reach_"},
                {"caches_.taken_"},
                {"tags_"},
                {"forks_"},
                {"forker_"}}}});
}

// The thread of the calling core ends, and another one begins.
inline void EndThread() {
  internal::sync::ThreadState& thread = internal::sync::ThisThread();
  if (thread.exit_cookie != nullptr)
    internal::sync::exit_hook(thread.exit_cookie);
  new (&thread) internal::sync::ThreadState();
}

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_LIBRARY_H_
