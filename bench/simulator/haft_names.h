// The names of the members of Haft's structures, for the lines of haft_arms.h.
// NameRanges checks their number and sizes, so that a change of the library
// that moves them ends every simulation with a message.

#ifndef HAFT_BENCH_SIMULATOR_HAFT_NAMES_H_
#define HAFT_BENCH_SIMULATOR_HAFT_NAMES_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "bench/simulator/names.h"
#include "haft/counted_reclamation.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/hazard_reclamation.h"
#include "haft/internal/base/abi.h"
#include "haft/magazine_free_list.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

using RangeNames = std::vector<RangeName>;
using AtomicNames = std::vector<AtomicName>;

template <typename T>
void Append(std::vector<T>& list, std::vector<T> more) {
  for (T& element : more) list.push_back(std::move(element));
}

// The arrays of a HandleStack.
inline RangeNames StackNames(const std::string& name) {
  return {{name + ".heads_[%]", 128},
          {name + ".links_[%]", 4},
          {name + ".handles_[%]", 8}};
}

// The atomics of a free list itself, and its arrays.
template <typename FreeList>
struct FreeListNames {
  static AtomicNames Atomics() { return {}; }
  static RangeNames Arrays() { return StackNames("HandleStack"); }
};
template <unsigned kSize>
struct FreeListNames<BasicMagazineFreeList<kSize>> {
  static AtomicNames Atomics() { return {{"MagazineDepot::fresh_"}}; }
  static RangeNames Arrays() {
    RangeNames names = {{"magazine %", 8, {}, {}, kSize},
                        {"MagazineDepot::links_[%]", 4},
                        {"MagazineDepot::full_.heads_[%]", 128},
                        {"MagazineDepot::empty_.heads_[%]", 128}};
    Append(names, StackNames("MagazineFreeList::singles_"));
    return names;
  }
};

// The same of a SlotAllocator, which comes first in each table.
template <typename FreeList>
AtomicNames AllocatorAtomics() {
  AtomicNames names = {{"SlotArray::dropped_age_"},
                       {"ThreadCaches::uncached_created_"},
                       {"ThreadCaches::uncached_deleted_"},
                       {"PagePopulator::populated_"},
                       {"FreshSlots::next_"}};
  Append(names, FreeListNames<FreeList>::Atomics());
  Append(names, {{"RestingSlots::pushes_"},
                 {"RestingSlots::pops_"},
                 {"CollectedHandles::epoch_"},
                 {"CollectedHandles::owner_"},
                 {"CollectedHandles::end_"},
                 {"CollectedHandles::hint_"},
                 {"SlotAllocator::exhausted_slots_"}});
  return names;
}
template <typename FreeList>
RangeNames AllocatorArrays(RangeName slots) {
  RangeNames names = {std::move(slots),
                      {"Entry %",
                       128,
                       {},
                       {{0, "announced"},
                        {8, "word"},
                        {16, "deleted"},
                        {24, "idle_ticks"},
                        {32, "cache"}}}};
  Append(names, FreeListNames<FreeList>::Arrays());
  Append(names, {{"CollectedHandles::words_[%]", 8}});
  return names;
}

// The atomics and arrays of an ObjectStore that come last.
template <typename Table>
struct StoreNames {
  static AtomicNames Atomics() {
    return {{"ObjectStore::retired_objects_"},
            {"EventCount::waiters_"},
            {"EventCount::count_"}};
  }
  static RangeNames Arrays() { return {}; }
};

template <typename Table>
struct TableNames;
template <typename Traits>
struct TableNames<HandleTable<std::uint64_t, Traits>> {
  static RangeNames Get() {
    using FreeList = typename Traits::FreeList;
    RangeNames names = {{"HandleTable",
                         sizeof(HandleTable<std::uint64_t, Traits>),
                         AllocatorAtomics<FreeList>()}};
    Append(names, AllocatorArrays<FreeList>(
                      {"slot %", 16, {}, {{0, "state"}, {8, "payload"}}}));
    return names;
  }
};
template <typename T, typename Traits>
struct TableNames<ObjectTable<T, Traits>> {
  static RangeNames Get() {
    using FreeList = typename Traits::FreeList;
    constexpr bool kIsCounted =
        std::is_same_v<typename Traits::Reclamation, CountedReclamation>;
    AtomicNames atomics = AllocatorAtomics<FreeList>();
    Append(atomics, {{"ScopeClock::clock_"}, {"ConditionalDelete::tickets_"}});
    Append(atomics, StoreNames<ObjectTable<T, Traits>>::Atomics());
    RangeNames names = {
        {"ObjectTable", sizeof(ObjectTable<T, Traits>), std::move(atomics)}};
    std::vector<Member> members = {{0, "users"}};
    if (kIsCounted) members.push_back({8, "pins"});
    const std::size_t state = kIsCounted ? 16 : 8;
    Append(members, {{state, "state"}, {state + 8, "object"}});
    using Slot = internal::ObjectSlot<T, typename Traits::Layout,
                                      typename Traits::Reclamation::Usage>;
    Append(names, AllocatorArrays<FreeList>(
                      {"slot %", sizeof(Slot), {}, std::move(members)}));
    Append(names, {{"hazard cells %",
                    256,
                    {},
                    {{0, "cells"}, {112, "scope"}, {128, "notes"}}}});
    if (!kIsCounted) Append(names, {{"PinCounts::counts_[%]", 8}});
    Append(names, {{"DeferredDestruction::threads_[%]", 384},
                   {"DeferredDestruction::next_[%]", 8}});
    Append(names, StackNames("DeferredHandles::lists_"));
    Append(names, {{"DeferredHandles::stamps_[%]", 8}});
    Append(names, StoreNames<ObjectTable<T, Traits>>::Arrays());
    return names;
  }
};

}  // namespace HAFT_ABI
}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_HAFT_NAMES_H_
