// A depot whose links have lines of their own.

#include <vector>

#include "bench/simulator/arm_kind.h"
#include "bench/simulator/haft_names.h"
#include "bench/simulator/proposals/growing_stack.h"
#include "bench/simulator/proposals/proposals.h"
#include "haft/magazine_free_list.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

template <>
struct FreeListNames<MagazineFreeList> {
  static AtomicNames Atomics() {
    return {{"MagazineDepot::full_.stripes_"},
            {"MagazineDepot::empty_.stripes_"},
            {"MagazineDepot::fresh_"}};
  }
  static RangeNames Arrays() {
    RangeNames names = {
        {"magazine %", 8, {}, {}, 128},
        {"MagazineDepot::links_[%]", sizeof(internal::PaddedLink)},
        {"MagazineDepot::full_.heads_[%]", 128},
        {"MagazineDepot::empty_.heads_[%]", 128}};
    Append(names, StackNames("MagazineFreeList::singles_"));
    return names;
  }
};

}  // namespace HAFT_ABI

void AddDepotLinks(std::vector<ArmKind>* arms) {
  arms->push_back(Handles<MagazineFreeList>(
      "proposal/depot-links",
      "`haft/magazine` whose depot has a line for each link"));
}

}  // namespace haft::simulator
