// Measures the cost of a handle, alone and under contention: of Haft's table
// with each of its free lists, and of the maps that people use instead.

#include <cstddef>
#include <iterator>

#include "bench/driver.h"
#include "bench/hand_off.h"
#include "bench/look_ups.h"
#include "bench/peers/cds_tables.h"
#include "bench/rows.h"
#include "bench/tables.h"
#include "bench/updates.h"
#include "bench/yardsticks.h"
#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/magazine_free_list.h"
#include "haft/striped_free_list.h"

namespace haft::bench {
namespace {

constexpr char kHaft[] = "Haft MagazineFreeList";
constexpr char kCas[] = "one uncontended CAS";
constexpr char kArray[] = "unchecked array load";
constexpr char kWideArray[] = "unchecked array load, 16 bytes each";
constexpr std::size_t kBatch = 64;

template <template <typename> class Workload>
void AddHaft(Rows& rows, bool other_free_lists) {
  rows.Add<Workload<HaftTable<MagazineFreeList>>>(kHaft);
  rows.Add<Workload<
      HaftTable<MagazineFreeList, Object*, CompactTraits<alignof(Object)>>>>(
      "Haft, compact slots");
  if (!other_free_lists) return;
  rows.Add<Workload<HaftTable<StripedFreeList>>>("Haft StripedFreeList");
  rows.Add<Workload<HaftTable<GlobalFreeList>>>("Haft GlobalFreeList");
  rows.Add<Workload<HaftTable<CdsFreeList>>>("Haft CdsFreeList");
}

template <template <typename> class Workload>
void AddPeers(Rows& rows) {
  rows.Add<Workload<ShardedTable<MutexMap, 1>>>("mutex + unordered_map");
  rows.Add<Workload<ShardedTable<SharedMutexMap, 1>>>(
      "shared_mutex + unordered_map");
  rows.Add<Workload<ShardedTable<MutexMap, 64>>>("64 x mutex + unordered_map");
  rows.Add<Workload<TbbTable>>("tbb::concurrent_hash_map");
  rows.Add<Workload<FeldmanTable>>("libcds FeldmanHashMap<HP>");
  rows.Add<Workload<MichaelTable>>("libcds MichaelHashMap<HP>");
}

template <template <typename> class Workload>
void AddLookUps(Rows& rows) {
  AddHaft<Workload>(rows, rows.options().full);
  AddPeers<Workload>(rows);
}

template <template <typename> class Workload>
void AddUpdates(Rows& rows) {
  rows.AddYardstick<OneCas>(kCas);
  AddHaft<Workload>(rows, true);
  AddPeers<Workload>(rows);
}

template <typename Table>
using Uniform1e3 = LookUps<Table, kThousand, Which::kUniform>;
template <typename Table>
using Uniform1e6 = LookUps<Table, kMillion, Which::kUniform>;
template <typename Table>
using Hot = LookUps<Table, kThousand, Which::kHot>;
template <typename Table>
using Stale = LookUps<Table, kThousand, Which::kStale>;
template <typename Table>
using Latency1e3 = DependentLookUps<Table, kThousand>;
template <typename Table>
using Latency1e6 = DependentLookUps<Table, kMillion>;
template <typename Table>
using Pair = Churn<Table, false>;
template <typename Table>
using PairWithFind = Churn<Table, true>;
template <typename Table>
using Mixed1e3 = Mixed<Table, kThousand, false>;
template <typename Table>
using MixedSideBySide = Mixed<Table, kThousand, true>;
template <typename Table>
using Mixed1e6 = Mixed<Table, kMillion, false>;
template <typename Table>
using OneByOne = HandOff<Table, 1>;

template <template <typename> class Workload>
void AddArrayAndLookUps(Rows& rows) {
  rows.AddYardstick<Workload<ArrayTable>>(kArray);
  rows.Add<Workload<BasicArrayTable<16>>>(kWideArray);
  AddLookUps<Workload>(rows);
}

template <template <typename> class Workload>
void AddMixed(Rows& rows) {
  AddUpdates<Workload>(rows);
  rows.Add<Workload<PointerTable>>("unchecked pointer, no table");
}

void AddHandOff(Rows& rows) {
  rows.PairThreads();
  AddUpdates<OneByOne>(rows);
  rows.Add<HandOff<HaftTable<MagazineFreeList>, kBatch>>(
      "Haft MagazineFreeList, by 64");
  rows.Add<OneByOne<PointerTable>>("the ring alone");
  rows.Add<HandOff<PointerTable, kBatch>>("the ring alone, by 64");
}

constexpr Study kStudies[] = {
    {"look-up 1e3", "Value of any of 1,000 live handles",
     [](Rows& rows) { AddArrayAndLookUps<Uniform1e3>(rows); }, false},
    {"latency 1e3", "the same, each handle known only from the last value",
     [](Rows& rows) { AddArrayAndLookUps<Latency1e3>(rows); }, false},
    {"hot", "Value of one handle, the same for all threads",
     [](Rows& rows) { AddArrayAndLookUps<Hot>(rows); }, false},
    {"stale", "look-up of any of 1,000 deleted handles, 1,000 others live",
     [](Rows& rows) {
       rows.AddYardstick<Uniform1e3<ArrayTable>>(kArray);
       AddLookUps<Stale>(rows);
     },
     false},
    {"new+delete", "New and Delete of one handle", &AddUpdates<Pair>, false},
    {"churn", "New, Value and Delete of one handle", &AddUpdates<PairWithFind>,
     false},
    {"burst", "256 New, then 256 Delete; an operation is one of each",
     &AddUpdates<Bursts>, false},
    {"mixed 1e3", "90 % Value, 5 % New, 5 % Delete; 1,000 live handles",
     &AddMixed<Mixed1e3>, false},
    {"mixed side by side",
     "the same, but neighbouring slots belong to different threads",
     &AddMixed<MixedSideBySide>, true},
    {"hand-off", "New in one thread, Delete in another, a ring between them",
     &AddHandOff, false},
    {"look-up 1e6", "Value of any of 1,000,000 live handles",
     [](Rows& rows) { AddArrayAndLookUps<Uniform1e6>(rows); }, false},
    {"latency 1e6", "the same, each handle known only from the last value",
     [](Rows& rows) { AddArrayAndLookUps<Latency1e6>(rows); }, true},
    {"mixed 1e6", "90 % Value, 5 % New, 5 % Delete; 1,000,000 live handles",
     &AddMixed<Mixed1e6>, false},
};

}  // namespace
}  // namespace haft::bench

int main(int argc, char** argv) {
  using haft::bench::kStudies;
  return haft::bench::RunStudies(argc, argv, std::begin(kStudies),
                                 std::end(kStudies));
}
