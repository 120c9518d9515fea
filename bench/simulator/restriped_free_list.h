// The default free list with another number of stripes than the library has.

#ifndef HAFT_BENCH_SIMULATOR_RESTRIPED_FREE_LIST_H_
#define HAFT_BENCH_SIMULATOR_RESTRIPED_FREE_LIST_H_

#include <cstddef>
#include <new>

#include "bench/simulator/haft_names.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/free_list/magazine_depot.h"
#include "haft/internal/free_list/striped_stack.h"
#include "haft/magazine_free_list.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

// The number of stripes is a private constant of MagazineDepot. An explicit
// instantiation may name private members, so the depot's two stacks can be
// made again, without a change of the headers.
template <typename Tag, typename Tag::Type kMember>
struct Expose {
  friend typename Tag::Type MemberOf(Tag) { return kMember; }
};
struct DepotOfFreeList {
  using Type = internal::MagazineDepot MagazineFreeList::*;
  friend Type MemberOf(DepotOfFreeList);
};
struct FullOfDepot {
  using Type = internal::StripedStack internal::MagazineDepot::*;
  friend Type MemberOf(FullOfDepot);
};
struct EmptyOfDepot {
  using Type = internal::StripedStack internal::MagazineDepot::*;
  friend Type MemberOf(EmptyOfDepot);
};
template struct Expose<DepotOfFreeList, &MagazineFreeList::depot_>;
template struct Expose<FullOfDepot, &internal::MagazineDepot::full_>;
template struct Expose<EmptyOfDepot, &internal::MagazineDepot::empty_>;

// kStripes is a power of two.
template <unsigned kStripes>
class RestripedFreeList : public MagazineFreeList {
 public:
  RestripedFreeList(std::size_t capacity, std::size_t range,
                    internal::FreshSlots* fresh_slots) noexcept
      : MagazineFreeList(capacity, range, fresh_slots) {
    internal::MagazineDepot& depot = this->*MemberOf(DepotOfFreeList{});
    MakeAgain(depot.*MemberOf(FullOfDepot{}));
    MakeAgain(depot.*MemberOf(EmptyOfDepot{}));
  }

 private:
  static void MakeAgain(internal::StripedStack& stack) noexcept {
    stack.~StripedStack();
    new (&stack) internal::StripedStack(kStripes);
  }
};

// Its lines have the names of those that it takes the place of.
template <unsigned kStripes>
struct FreeListNames<RestripedFreeList<kStripes>>
    : FreeListNames<MagazineFreeList> {
  static RangeNames Arrays() {
    RangeNames names = FreeListNames<MagazineFreeList>::Arrays();
    names[2].name = "(unused full_.heads_[%])";
    names[3].name = "(unused empty_.heads_[%])";
    Append(names, {{"MagazineDepot::full_.heads_[%]", 128},
                   {"MagazineDepot::empty_.heads_[%]", 128}});
    return names;
  }
};

}  // namespace HAFT_ABI
}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_RESTRIPED_FREE_LIST_H_
