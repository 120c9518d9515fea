// The count of retired objects, and the event of their destruction, without a
// word that all deleters write.

#include <vector>

#include "bench/simulator/arm_kind.h"
#include "bench/simulator/haft_arms.h"
#include "bench/simulator/haft_names.h"
#include "bench/simulator/proposals/proposals.h"
#include "bench/simulator/proposals/quiet_event_count.h"
#include "bench/simulator/proposals/spread_count.h"
#include "haft/hazard_reclamation.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

using Table =
    ObjectTable<SimulatedObject, ReclamationTraits<HazardReclamation>>;
template <>
struct StoreNames<Table> {
  static AtomicNames Atomics() {
    return {{"QuietEventCount::waiters_"}, {"QuietEventCount::count_"}};
  }
  static RangeNames Arrays() { return {{"SpreadCount::cells_[%]", 128}}; }
};

}  // namespace HAFT_ABI

void AddRetired(std::vector<ArmKind>* arms) {
  arms->push_back(Objects<HazardReclamation>(
      "proposal/retired",
      "`haft/hazard` that counts retired objects by thread and notifies "
      "nobody if nobody waits"));
  arms->push_back(WithoutHeavyBarrier<HazardReclamation>(
      "proposal/retired-fenced", "the same in a system without `membarrier`"));
}

}  // namespace haft::simulator
