// Before the header: the backend whose reservations can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/free_list/magazine_depot.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "haft/handle.h"

namespace haft::internal {
namespace {

constexpr std::size_t kMagazines = 20;
constexpr std::size_t kSize = 5;

MagazineEntry* TakeFull(MagazineDepot& depot, unsigned stripe = 0) {
  std::uint64_t tags = 0;
  return depot.TakeFull(stripe, &tags);
}

void Fill(MagazineEntry* magazine, Word first) {
  for (std::size_t i = 0; i < kSize; ++i) magazine[i].Write(first + i);
}
void ExpectFilled(const MagazineEntry* magazine, Word first) {
  for (std::size_t i = 0; i < kSize; ++i)
    EXPECT_EQ(magazine[i].Read(), first + i);
}

TEST(DepotTest, StartsWithoutFullMagazines) {
  MagazineDepot depot(kMagazines, kSize);
  ASSERT_TRUE(depot.ok());
  EXPECT_EQ(TakeFull(depot), nullptr);
  depot.ForEachFull([](const MagazineEntry*) { ADD_FAILURE(); });
}

TEST(DepotTest, FreshMagazinesDoNotOverlap) {
  MagazineDepot depot(kMagazines, kSize);
  std::vector<MagazineEntry*> magazines;
  for (std::size_t i = 0; i < kMagazines; ++i) {
    magazines.push_back(depot.TakeEmpty(static_cast<unsigned>(i)));
    Fill(magazines.back(), 100 * i);
  }
  for (std::size_t i = 0; i < kMagazines; ++i)
    ExpectFilled(magazines[i], 100 * i);
}

TEST(DepotTest, EmptyMagazinesAreUsedBeforeFreshOnes) {
  MagazineDepot depot(kMagazines, kSize);
  MagazineEntry* const magazine = depot.TakeEmpty(0);
  depot.GiveEmpty(3, magazine);
  EXPECT_EQ(depot.TakeEmpty(7), magazine);
}

TEST(DepotTest, AllMagazinesCanBeTakenAgain) {
  MagazineDepot depot(kMagazines, kSize);
  std::set<MagazineEntry*> magazines;
  for (std::size_t i = 0; i < kMagazines; ++i)
    magazines.insert(depot.TakeEmpty(0));
  ASSERT_EQ(magazines.size(), kMagazines);
  unsigned stripe = 0;
  for (MagazineEntry* magazine : magazines) depot.GiveEmpty(++stripe, magazine);
  std::set<MagazineEntry*> again;
  for (std::size_t i = 0; i < kMagazines; ++i) again.insert(depot.TakeEmpty(0));
  EXPECT_EQ(again, magazines);
}

TEST(DepotTest, FullMagazineKeepsItsHandles) {
  MagazineDepot depot(kMagazines, kSize);
  MagazineEntry* const magazine = depot.TakeEmpty(0);
  Fill(magazine, 70);
  depot.GiveFull(0, magazine);
  EXPECT_EQ(TakeFull(depot), magazine);
  ExpectFilled(magazine, 70);
  EXPECT_EQ(TakeFull(depot), nullptr);
}

TEST(DepotTest, FullAndEmptyAreNotMixedUp) {
  MagazineDepot depot(kMagazines, kSize);
  MagazineEntry* const full = depot.TakeEmpty(0);
  MagazineEntry* const empty = depot.TakeEmpty(0);
  depot.GiveFull(0, full);
  depot.GiveEmpty(0, empty);
  EXPECT_EQ(depot.TakeEmpty(0), empty);
  EXPECT_EQ(TakeFull(depot), full);
  EXPECT_EQ(TakeFull(depot), nullptr);
}

TEST(DepotTest, OwnStripeComesFirstAndOthersAreSearched) {
  MagazineDepot depot(kMagazines, kSize);
  MagazineEntry* const near = depot.TakeEmpty(0);
  MagazineEntry* const far = depot.TakeEmpty(0);
  depot.GiveFull(4, near);
  depot.GiveFull(9, far);
  EXPECT_EQ(TakeFull(depot, 4), near);
  EXPECT_EQ(TakeFull(depot, 4), far);
  depot.GiveEmpty(4, near);
  depot.GiveEmpty(9, far);
  EXPECT_EQ(depot.TakeEmpty(4), near);
  EXPECT_EQ(depot.TakeEmpty(4), far);
}

TEST(DepotTest, TagsTellThatAFullMagazineCameAndWent) {
  MagazineDepot depot(kMagazines, kSize);
  std::uint64_t before = 0;
  EXPECT_EQ(depot.TakeFull(0, &before), nullptr);
  MagazineEntry* const magazine = depot.TakeEmpty(0);
  depot.GiveFull(5, magazine);
  EXPECT_EQ(TakeFull(depot), magazine);
  std::uint64_t after = 0;
  EXPECT_EQ(depot.TakeFull(0, &after), nullptr);
  EXPECT_EQ(after, before + 1);
}

TEST(DepotTest, ForEachFullSeesEachOnce) {
  MagazineDepot depot(kMagazines, kSize);
  std::multiset<const MagazineEntry*> full;
  for (unsigned i = 0; i < 10; ++i) {
    MagazineEntry* const magazine = depot.TakeEmpty(i);
    full.insert(magazine);
    depot.GiveFull(3 * i, magazine);
  }
  (void)depot.TakeEmpty(0);
  std::multiset<const MagazineEntry*> seen;
  depot.ForEachFull([&](const MagazineEntry* m) { seen.insert(m); });
  EXPECT_EQ(seen, full);
  seen.clear();
  std::as_const(depot).ForEachFull(
      [&](const MagazineEntry* m) { seen.insert(m); });
  EXPECT_EQ(seen, full);
}

TEST(DepotTest, MagazinesOfOneHandle) {
  MagazineDepot depot(3, 1);
  MagazineEntry* const a = depot.TakeEmpty(0);
  MagazineEntry* const b = depot.TakeEmpty(0);
  EXPECT_EQ(b - a, 1);
  depot.GiveFull(0, b);
  depot.GiveFull(0, a);
  EXPECT_EQ(TakeFull(depot), a);
  EXPECT_EQ(TakeFull(depot), b);
}

TEST(DepotTest, WithoutMagazinesThereIsNoneFull) {
  MagazineDepot depot(0, 0);
  EXPECT_TRUE(depot.ok());
  EXPECT_EQ(TakeFull(depot), nullptr);
  depot.ForEachFull([](const MagazineEntry*) { ADD_FAILURE(); });
}

TEST(DepotTest, IsOkIfItHasAllItsMemory) {
  EXPECT_EQ(testing::FailEachReservation(
                [] { return MagazineDepot(kMagazines, kSize).ok(); }),
            4u)
      << "entries, links, and the heads of two lists";
}

TEST(DepotTest, OutOfAddressSpaceIsNotOk) {
  EXPECT_FALSE(MagazineDepot(SIZE_MAX >> 22, 1 << 20).ok());
}

std::vector<std::size_t> populated;

TEST(DepotTest, PopulatesWhatTheFirstMagazinesNeed) {
  MagazineDepot depot(kMagazines, kSize);
  testing::note_populated = [](void*, std::size_t bytes) {
    populated.push_back(bytes);
  };
  constexpr std::size_t kHeads = std::size_t{16} * 128;
  EXPECT_TRUE(depot.Populate(7));
  EXPECT_EQ(populated,
            (std::vector<std::size_t>{7 * kSize * sizeof(MagazineEntry),
                                      7 * sizeof(StackLink), kHeads, kHeads}));
  for (unsigned call = 1; call <= 4; ++call) {
    populated.clear();
    testing::populations.Fail(call, call);
    EXPECT_FALSE(depot.Populate(kMagazines));
    EXPECT_EQ(testing::populations.Stop(), 4u);
    EXPECT_EQ(populated.size(), 3u);
  }
  testing::note_populated = nullptr;
}

}  // namespace
}  // namespace haft::internal
