// A depot whose links have lines of their own.

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

void AddDepotLinks(std::vector<ArmKind>* arms) {
  arms->push_back(Handles<MagazineFreeList>(
      "proposal/depot-links",
      "`haft/magazine` whose depot has a line for each link"));
}

}  // namespace haft::simulator
