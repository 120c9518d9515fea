// The names of what a depot with GrowingStacks consists of.

#ifndef HAFT_BENCH_SIMULATOR_PROPOSALS_DEPOT_NAMES_H_
#define HAFT_BENCH_SIMULATOR_PROPOSALS_DEPOT_NAMES_H_

#include "bench/simulator/haft_names.h"
#include "haft/magazine_free_list.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

// `Link` is what the proposal links magazines by.
template <typename Link>
struct DepotNames {
  static AtomicNames Atomics() {
    return {{"MagazineDepot::full_.stripes_"},
            {"MagazineDepot::empty_.stripes_"},
            {"MagazineDepot::fresh_"}};
  }
  static RangeNames Arrays() {
    RangeNames names = {{"magazine %", 8, {}, {}, 128},
                        {"MagazineDepot::links_[%]", sizeof(Link)},
                        {"MagazineDepot::full_.heads_[%]", 128},
                        {"MagazineDepot::empty_.heads_[%]", 128}};
    Append(names, StackNames("MagazineFreeList::singles_"));
    return names;
  }
};

}  // namespace HAFT_ABI
}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_PROPOSALS_DEPOT_NAMES_H_
