// A depot that uses more stripes when threads meet.

#include <vector>

#include "bench/simulator/arm_kind.h"
#include "bench/simulator/proposals/depot_names.h"
#include "bench/simulator/proposals/growing_stack.h"
#include "bench/simulator/proposals/proposals.h"
#include "haft/magazine_free_list.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

template <>
struct FreeListNames<MagazineFreeList> : DepotNames<internal::StackLink> {};

}  // namespace HAFT_ABI

void AddDepotStripes(std::vector<ArmKind>* arms) {
  arms->push_back(
      Handles<MagazineFreeList>("proposal/depot-stripes",
                                "`haft/magazine` whose depot uses more than 16 "
                                "stripes once threads meet, up to one a CPU"));
}

}  // namespace haft::simulator
