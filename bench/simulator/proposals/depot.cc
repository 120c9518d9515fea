// A depot with both changes, of links and of stripes.

#include <vector>

#include "bench/simulator/arm_kind.h"
#include "bench/simulator/proposals/depot_names.h"
#include "bench/simulator/proposals/growing_stack.h"
#include "bench/simulator/proposals/proposals.h"
#include "haft/magazine_free_list.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

template <>
struct FreeListNames<MagazineFreeList> : DepotNames<internal::PaddedLink> {};

}  // namespace HAFT_ABI

void AddDepot(std::vector<ArmKind>* arms) {
  arms->push_back(Handles<MagazineFreeList>(
      "proposal/depot", "`haft/magazine` with both changes of the depot"));
}

}  // namespace haft::simulator
