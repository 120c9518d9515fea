// Thread numbers that go from a thread to the next one on its CPU.

#include <vector>

#include "bench/simulator/arm_kind.h"
#include "bench/simulator/library.h"
#include "bench/simulator/proposals/proposals.h"
#include "bench/simulator/proposals/stashed_index_set.h"
#include "haft/internal/thread/thread_registry.h"
#include "haft/magazine_free_list.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

template <>
struct RegistryNames<internal::ThreadRegistry> {
  static std::vector<AtomicName> Get() {
    namespace sync = internal::sync;
    return {{"indices_.words_", sync::kMaxThreads / 64},
            {"indices_.reach_"},
            {"indices_.taken_"},
            {"indices_.stashes_", internal::kStashes},
            {"caches_.words_", sync::kMaxCaches / 64},
            {"caches_.reach_"},
            {"caches_.taken_"},
            {"caches_.stashes_", internal::kStashes},
            {"tags_.places_", internal::kStashes},
            {"forks_"},
            {"forker_"}};
  }
};

}  // namespace HAFT_ABI

void AddThreads(std::vector<ArmKind>* arms) {
  arms->push_back(Handles<MagazineFreeList>(
      "proposal/threads",
      "`haft/magazine` whose threads leave their numbers to the next one on "
      "their CPU"));
}

}  // namespace haft::simulator
