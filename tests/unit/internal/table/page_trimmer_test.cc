#include "haft/internal/table/page_trimmer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "haft/counted_reclamation.h"
#include "haft/handle_layout.h"
#include "haft/handle_table.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/collected_handles.h"
#include "haft/object_table.h"
#include "haft/read_scope.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

using testing::AllTraits;
using testing::CountedTraits;
using testing::ExpectConservation;
using testing::kSanitized;
using testing::RunThreads;
using testing::TestTraits;
using testing::TinyLayout;

std::size_t Page() { return sync::PageSize(); }

// How much memory of the process is resident.
std::size_t ResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long size = 0, resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * Page() : 0;
}

template <typename Table>
std::vector<Handle> FillWith(Table& table, std::size_t count, Word value) {
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < count; ++i) {
    handles.push_back(table.New(value));
    EXPECT_NE(handles.back(), kNullHandle) << i;
  }
  return handles;
}

// ---- each free list, each layout

template <typename Traits>
class PageTrimmerTest : public ::testing::Test {
 protected:
  using Table = testing::TableOf<Word, Traits>;
  static constexpr std::size_t kSlot =
      (Traits::kCompactAlignment == 0 || kAddressSanitizer ? 2 : 1) *
      sizeof(Word);
  // Some pages of slots.
  static constexpr std::size_t kCapacity = kSlot == 4 ? 4500 : 1500;
  Table table_{kCapacity};
};
TYPED_TEST_SUITE(PageTrimmerTest, AllTraits);

TYPED_TEST(PageTrimmerTest, EmptyTableGivesNothingBack) {
  EXPECT_EQ(this->table_.Trim(), 0u);
  FillWith(this->table_, 1, 1);
  EXPECT_EQ(this->table_.Trim(), 0u);
  ExpectConservation(this->table_);
}

TYPED_TEST(PageTrimmerTest, DeletedHandlesStayStaleAndEverySlotIsUsedAgain) {
  auto& table = this->table_;
  std::set<Handle> old;
  for (int round = 1; round <= 3; ++round) {
    const std::vector<Handle> handles =
        FillWith(table, this->kCapacity, static_cast<Word>(round));
    for (Handle handle : handles) {
      ASSERT_EQ(table.Value(handle), static_cast<Word>(round));
      ASSERT_TRUE(old.insert(handle).second) << "issued twice";
    }
    for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
    const std::size_t bytes = table.Trim();
    EXPECT_EQ(bytes % Page(), 0u);
    // All pages of so many slots, but those of slot 0 and at the end.
    // All pages of the slots but the first, and one that they may not fill.
    const std::size_t pages = this->kCapacity * this->kSlot / Page() - 2;
    EXPECT_GE(bytes, std::max<std::size_t>(pages, 1) * Page());
    for (Handle handle : old) {
      ASSERT_EQ(table.Check(handle), Status::kStale);
      ASSERT_EQ(table.Value(handle), std::nullopt);
      ASSERT_EQ(table.Delete(handle), std::nullopt);
    }
    EXPECT_EQ(table.Check(kNullHandle), Status::kNull);
    EXPECT_EQ(table.Value(kNullHandle), std::nullopt);
    EXPECT_EQ(table.Delete(kNullHandle), std::nullopt);
    ExpectConservation(table);
  }
}

TYPED_TEST(PageTrimmerTest, SecondTrimFindsNothing) {
  auto& table = this->table_;
  for (Handle handle : FillWith(table, this->kCapacity, 1))
    ASSERT_TRUE(table.Delete(handle).has_value());
  EXPECT_NE(table.Trim(), 0u);
  EXPECT_EQ(table.Trim(), 0u);
  ExpectConservation(table);
}

TYPED_TEST(PageTrimmerTest, LiveValuesStay) {
  auto& table = this->table_;
  std::vector<Handle> handles = FillWith(table, this->kCapacity, 1);
  // One slot in each page, at another place in each.
  std::vector<Handle> live;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    if (i % 37 == 5) {
      live.push_back(handles[i]);
    } else {
      ASSERT_TRUE(table.Delete(handles[i]).has_value());
    }
  }
  EXPECT_EQ(table.Trim(), 0u);
  for (Handle handle : live) ASSERT_EQ(table.Value(handle), Word{1});
  ExpectConservation(table);
  for (Handle handle : live) ASSERT_EQ(table.Delete(handle), Word{1});
  EXPECT_NE(table.Trim(), 0u);
  ExpectConservation(table);
}

TYPED_TEST(PageTrimmerTest, FreeListHoldsTheCapacityAfterwards) {
  auto& table = this->table_;
  for (int round = 0; round < 2; ++round) {
    const std::vector<Handle> handles = FillWith(table, this->kCapacity, 1);
    const std::size_t high_water = table.Stats().high_water;
    for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
    (void)table.Trim();
    const std::vector<Handle> again = FillWith(table, this->kCapacity, 2);
    EXPECT_EQ(table.Stats().high_water, high_water)
        << "no fresh slots are taken for what was dropped";
    for (Handle handle : again) ASSERT_TRUE(table.Delete(handle).has_value());
  }
}

TYPED_TEST(PageTrimmerTest, WorksInAThreadWithoutACache) {
  auto& table = this->table_;
  for (Handle handle : FillWith(table, this->kCapacity, 1))
    ASSERT_TRUE(table.Delete(handle).has_value());
  std::thread([&] {
    // As a thread whose exit hook has run.
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    EXPECT_NE(table.Trim(), 0u);
  }).join();
  ExpectConservation(table);
  FillWith(table, this->kCapacity, 2);
}

// ---- what is dropped

TEST(PageTrimmerPagesTest, MemoryGoesBack) {
  // With room for so many handles, also in a word of 32 bits.
  struct Large : DefaultTraits {
    using Layout =
        std::conditional_t<sizeof(Word) == 8, DefaultLayout, Layout32<22>>;
  };
  constexpr std::size_t kCount = 1 << 20;
  HandleTable<Word, Large> table(kCount);
  std::vector<Handle> handles(kCount);
  const std::size_t before = ResidentBytes();
  for (Handle& handle : handles) handle = table.New(1);
  for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
  const std::size_t full = ResidentBytes();
  const std::size_t bytes = table.Trim();
  const std::size_t after = ResidentBytes();
  constexpr std::size_t kSlots = kCount * 2 * sizeof(Word);
  EXPECT_GT(bytes, kSlots - kSlots / 16);
  EXPECT_LE(bytes, kSlots);
  if (kSanitized) return;  // sanitizers take memory of their own
  EXPECT_GT(full - before, kSlots);
  EXPECT_LT(after, full - kSlots * 3 / 4) << "with what is touched meanwhile";
}

TEST(PageTrimmerPagesTest, OtherThreadsCachesKeepTheirPages) {
  HandleTable<Word> table(1 << 16);
  std::vector<Handle> handles;
  for (int i = 0; i < 1 << 14; ++i) handles.push_back(table.New(1));
  std::size_t beside = 0;
  testing::Barrier barrier(2);
  std::thread other([&] {
    for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
    barrier.Wait();
    barrier.Wait();
  });
  barrier.Wait();
  beside = table.Trim();
  barrier.Wait();
  other.join();
  EXPECT_NE(beside, 0u);
  EXPECT_LT(beside, (1 << 14) * 2 * sizeof(Word));
  ExpectConservation(table);
}

// A slot whose generations are used up is never held.
TEST(PageTrimmerPagesTest, PagesOfExhaustedSlotsStay) {
  using Traits = TestTraits<GlobalFreeList, HandleLayout<12, 2>>;
  HandleTable<Word, Traits> table(1 << 12);
  std::set<Handle> last;
  const std::size_t slots = Page() / (2 * sizeof(Word));
  for (int generation = 1; generation <= 3; ++generation) {
    std::vector<Handle> handles = FillWith(table, 4 * slots, 1);
    std::sort(handles.begin(), handles.end());
    for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
    if (generation < 3) {
      EXPECT_NE(table.Trim(), 0u);
    } else {
      EXPECT_EQ(table.Trim(), 0u);
    }
    for (Handle handle : handles)
      ASSERT_EQ(table.Check(handle), Status::kStale);
  }
  EXPECT_EQ(table.Stats().exhausted_slots, 4 * slots);
  ExpectConservation(table);
}

// A slot that rests after its last generation keeps its page.
TEST(PageTrimmerPagesTest, GenerationsThatWrapGoOn) {
  using Traits =
      TestTraits<GlobalFreeList, HandleLayout<12, 2>, Exhaustion::kWrap>;
  HandleTable<Word, Traits> table(1 << 12);
  for (int round = 0; round < 10; ++round) {
    const std::vector<Handle> handles = FillWith(table, 1 << 12, 1);
    for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
    EXPECT_EQ(table.Trim() == 0, Traits::Layout::Generation::Decode(
                                     static_cast<Word>(handles[0])) ==
                                     Traits::Layout::Generation::kMax);
    for (Handle handle : handles) ASSERT_EQ(table.Value(handle), std::nullopt);
    ExpectConservation(table);
  }
}

// Tables whose slots all lie in the page of slot 0.
TEST(PageTrimmerPagesTest, TinyTablesGiveNothingBack) {
  for (std::size_t capacity = 0; capacity <= 4; ++capacity) {
    HandleTable<Word, TestTraits<GlobalFreeList, TinyLayout>> table(capacity);
    for (Handle handle : FillWith(table, capacity, 1))
      ASSERT_TRUE(table.Delete(handle).has_value());
    EXPECT_EQ(table.Trim(), 0u);
    EXPECT_EQ(table.Value(kNullHandle), std::nullopt);
    ExpectConservation(table);
  }
}

TEST(PageTrimmerPagesTest, NeverIssuedStaysNeverIssuedBeforeATrim) {
  HandleTable<Word> table(1000);
  const Word handle = static_cast<Word>(table.New(1));
  const Word neighbour = handle ^ DefaultLayout::Index::Encode(64);
  EXPECT_EQ(table.Check(Handle(neighbour)), Status::kNeverIssued);
  EXPECT_EQ(table.Trim(), 0u);
  EXPECT_EQ(table.Check(Handle(neighbour)), Status::kNeverIssued);
}

// Generations that no dropped slot has issued are still told from stale ones.
TEST(PageTrimmerPagesTest, LaterGenerationsOfADroppedSlotAreNeverIssued) {
  HandleTable<Word> table(1 << 14);
  const std::vector<Handle> handles = FillWith(table, 1 << 12, 1);
  for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
  ASSERT_NE(table.Trim(), 0u);
  for (Handle handle : handles) {
    const Word next =
        static_cast<Word>(handle) + DefaultLayout::Generation::kOne;
    ASSERT_EQ(table.Check(handle), Status::kStale);
    ASSERT_EQ(table.Check(Handle(next)), Status::kNeverIssued);
  }
}

// ---- which handles it claims, and what it drops with them

// Stands for the slots, the free list and the caches, and checks each call.
template <std::size_t kSlotSize>
class TrimRig {
 public:
  struct Slot {
    char bytes[kSlotSize];
  };

  explicit TrimRig(std::size_t slots)
      : used(slots, true), collected_(CeilPowerOfTwo(slots)) {
    for (std::size_t i = 0; i < slots; ++i) waiting.push_back(HandleOf(i));
  }

  std::size_t Trim() {
    return PageTrimmer<TrimRig, TrimRig, TrimRig>(this, this, this, &collected_)
        .Trim();
  }
  // The pages that have been dropped, in their order.
  std::vector<std::size_t> Pages() const {
    std::vector<std::size_t> pages;
    for (const auto& [first, end] : drops) {
      for (std::size_t page = first; page < end; ++page) pages.push_back(page);
    }
    return pages;
  }
  // Takes the slot out of the free list.
  void Keep(std::size_t slot) {
    waiting.erase(std::find(waiting.begin(), waiting.end(), HandleOf(slot)));
  }
  static Word HandleOf(std::size_t slot) {
    return DefaultLayout::Make(7, slot);
  }

  std::vector<Word> waiting, pushed;  // the free list's
  std::vector<bool> used;             // of each slot: whether it has a state
  std::vector<std::pair<std::size_t, std::size_t>> drops;
  std::size_t most = 1 << 20;  // handles in hand at a time
  std::size_t batch = 7;       // handles that the free list gives at a time
  bool is_endless = false;     // other threads push as fast as it takes
  bool may_drop = true;
  std::size_t most_pushed = 0;  // inside the thread's cache

  // The slots.
  std::size_t size() const { return used.size(); }
  Word StateOf(Word handle) const { return used[SlotOf(handle)]; }
  void NoteDropped(Word handle) {
    EXPECT_EQ(handle, HandleOf(SlotOf(handle)));
    noted_.insert(SlotOf(handle));
  }
  bool DropPages(std::size_t first, std::size_t end, std::size_t page) {
    EXPECT_EQ(page, Page());
    EXPECT_LT(first, end);
    const std::size_t last = (end * page - 1) / kSlotSize;
    for (std::size_t i = first * page / kSlotSize; i <= last; ++i) {
      EXPECT_TRUE(IsClaimed(i)) << "slot " << i << " lies in these pages";
      EXPECT_EQ(noted_.count(i), 1u) << i;
    }
    std::size_t claimed = 0;
    for (std::size_t i = 0; i < size(); ++i) claimed += IsClaimed(i);
    // Those of one page are claimed in any case, with two that lie in it in
    // part.
    EXPECT_LE(claimed, std::max(most, page / kSlotSize + 2));
    drops.emplace_back(first, end);
    return may_drop;
  }

  // The free list.
  template <typename Thread, typename F>
  std::size_t TakeRecycled(Thread&, F&& f) {
    if (is_endless) {
      for (std::size_t n = 0; n < batch; ++n) f(HandleOf(0));
      return batch;
    }
    const std::size_t count = std::min(batch, waiting.size());
    for (std::size_t n = 0; n < count; ++n) {
      f(waiting.back());
      waiting.pop_back();
    }
    return count;
  }
  template <typename Thread>
  void Push(Thread&, Word handle) {
    pushed.push_back(handle);
    most_pushed = std::max(most_pushed, ++pushed_here_);
  }
  std::size_t MostInHand() const { return most; }

  // The caches.
  template <typename F>
  auto With(F f) {
    int thread = 0;
    pushed_here_ = 0;
    return f(thread);
  }

 private:
  static std::size_t SlotOf(Word handle) {
    return static_cast<std::size_t>(DefaultLayout::Index::Decode(handle));
  }
  bool IsClaimed(std::size_t slot) {
    if (collected_.Claim(slot) != 0) {
      collected_.Unclaim(slot);
      return false;
    }
    return collected_.Claimed(slot) == HandleOf(slot);
  }

  CollectedHandles collected_;
  std::set<std::size_t> noted_;
  std::size_t pushed_here_ = 0;
};

// Slots that fill pages exactly, that straddle pages, and that are larger.
template <typename RigOf>
class PageTrimmerRigTest : public ::testing::Test {};
using Rigs = ::testing::Types<TrimRig<16>, TrimRig<24>, TrimRig<1000>,
                              TrimRig<4096>, TrimRig<5000>>;
TYPED_TEST_SUITE(PageTrimmerRigTest, Rigs);

template <typename Rig>
constexpr std::size_t kSize = sizeof(typename Rig::Slot);

// How many slots it takes to fill `pages` pages.
template <typename Rig>
std::size_t SlotsOf(std::size_t pages) {
  return (pages * Page() + kSize<Rig> - 1) / kSize<Rig>;
}
// The pages from the first one without a part of slot 0.
template <typename Rig>
std::vector<std::size_t> PagesBefore(std::size_t end) {
  std::vector<std::size_t> pages;
  for (std::size_t page = (kSize<Rig> + Page() - 1) / Page(); page < end;
       ++page)
    pages.push_back(page);
  return pages;
}

TYPED_TEST(PageTrimmerRigTest, EachFullPageIsDroppedOnceAndAllHandlesGoBack) {
  for (const std::size_t most : {1u, 300u, 700u, 1u << 20}) {
    TypeParam rig(SlotsOf<TypeParam>(20));
    rig.most = most;
    const std::vector<Word> handles = rig.waiting;
    const std::vector<std::size_t> pages = PagesBefore<TypeParam>(20);
    EXPECT_EQ(rig.Trim(), pages.size() * Page());
    EXPECT_EQ(rig.Pages(), pages);
    if (most == 1u << 20) {
      EXPECT_EQ(rig.drops.size(), 1u) << "adjacent pages at once";
    }
    // In reverse, so that slots are used in the order of their addresses.
    EXPECT_EQ(rig.pushed, std::vector<Word>(handles.rbegin(), handles.rend()));
    EXPECT_LE(rig.most_pushed, 1024u);
  }
}

TYPED_TEST(PageTrimmerRigTest, PagesOfASlotThatIsNotFreeStay) {
  for (std::size_t kept = 1; kept < SlotsOf<TypeParam>(6); kept += 5) {
    SCOPED_TRACE(kept);
    TypeParam rig(SlotsOf<TypeParam>(6));
    rig.Keep(kept);
    std::vector<std::size_t> pages = PagesBefore<TypeParam>(6);
    const std::size_t first = kept * kSize<TypeParam> / Page();
    const std::size_t last = ((kept + 1) * kSize<TypeParam> - 1) / Page();
    // The slots end with the last one that is free.
    const bool is_last = kept + 1 == SlotsOf<TypeParam>(6);
    pages.erase(std::remove_if(pages.begin(), pages.end(),
                               [&](std::size_t page) {
                                 return page >= first &&
                                        (page <= last || is_last);
                               }),
                pages.end());
    EXPECT_EQ(rig.Trim(), pages.size() * Page());
    EXPECT_EQ(rig.Pages(), pages);
    EXPECT_EQ(rig.pushed.size(), rig.size() - 1);
  }
}

TYPED_TEST(PageTrimmerRigTest, PagesWithoutAnythingAreNotDropped) {
  // Every second run of pages has slots with a state.
  for (const std::size_t run : {1u, 2u, 5u}) {
    // One slot is not free: that after a page, or the one before.
    for (const std::size_t kept : {0u, 1u, 2u}) {
      TypeParam rig(SlotsOf<TypeParam>(20));
      if (kept != 0) rig.Keep(SlotsOf<TypeParam>(7) + 1 - kept);
      std::set<std::size_t> with_state;
      for (std::size_t i = 0; i < rig.size(); ++i) {
        const std::size_t first = i * kSize<TypeParam> / Page();
        const std::size_t last = ((i + 1) * kSize<TypeParam> - 1) / Page();
        rig.used[i] = first / run % 2 == 0;
        for (std::size_t page = first; rig.used[i] && page <= last; ++page)
          with_state.insert(page);
      }
      rig.Trim();
      for (const std::size_t page : rig.Pages())
        EXPECT_EQ(with_state.count(page), 1u) << page;
      if (kept != 0) continue;
      for (const std::size_t page : PagesBefore<TypeParam>(20)) {
        const std::vector<std::size_t> pages = rig.Pages();
        EXPECT_EQ(std::count(pages.begin(), pages.end(), page),
                  static_cast<int>(with_state.count(page)))
            << page;
      }
    }
  }
}

TYPED_TEST(PageTrimmerRigTest, PagesThatTheSystemKeepsAreNotCounted) {
  TypeParam rig(SlotsOf<TypeParam>(20));
  rig.may_drop = false;
  EXPECT_EQ(rig.Trim(), 0u);
  EXPECT_EQ(rig.Pages(), PagesBefore<TypeParam>(20));
}

TYPED_TEST(PageTrimmerRigTest, ItEndsBesideThreadsThatPushAsFastAsItTakes) {
  for (const std::size_t batch : {1u, 2u, 3u}) {
    TypeParam rig(SlotsOf<TypeParam>(3));
    rig.is_endless = true;
    rig.batch = batch;
    EXPECT_EQ(rig.Trim(), 0u);
  }
}

// As many pages as the thread may hold the slots of, and not one more.
TEST(PageTrimmerPagesTest, AsManyPagesAtOnceAsSlotsMayBeInHand) {
  using Rig = TrimRig<16>;
  const std::size_t slots = SlotsOf<Rig>(1);
  const auto drops_of = [&](std::size_t most) {
    Rig rig(SlotsOf<Rig>(7));
    rig.most = most;
    EXPECT_EQ(rig.Trim(), 6 * Page());
    return rig.drops;
  };
  using Drops = decltype(Rig::drops);
  EXPECT_EQ(drops_of(3 * slots), (Drops{{1, 4}, {4, 7}}));
  EXPECT_EQ(drops_of(3 * slots - 1), (Drops{{1, 3}, {3, 5}, {5, 7}}));
  EXPECT_EQ(drops_of(2 * slots), (Drops{{1, 3}, {3, 5}, {5, 7}}));
}

TEST(PageTrimmerPagesTest, TrimBesideAnotherDoesNothing) {
  TrimRig<16> slots(SlotsOf<TrimRig<16>>(3));
  CollectedHandles collected(1024);
  ASSERT_TRUE(collected.Begin());
  using Trimmer = PageTrimmer<TrimRig<16>, TrimRig<16>, TrimRig<16>>;
  EXPECT_EQ(Trimmer(&slots, &slots, &slots, &collected).Trim(), 0u);
  EXPECT_TRUE(slots.drops.empty());
  EXPECT_EQ(slots.waiting.size(), slots.size());
}

// ---- objects, also such that straddle pages

template <std::size_t kSize>
struct Sized {
  explicit Sized(Word v) : value(v) { ++alive; }
  Sized(Sized&& other) noexcept : value(other.value) { ++alive; }
  ~Sized() { --alive; }
  static inline int alive = 0;
  Word value;
  char rest[kSize - sizeof(Word)] = {};
};

template <typename T>
class PageTrimmerObjectTest : public ::testing::Test {};
// The slots add what the reclamation keeps: two words.
using Objects =
    ::testing::Types<Sized<2 * sizeof(Word)>, Sized<3 * sizeof(Word)>,
                     Sized<24>, Sized<40>, Sized<1000>, Sized<4080>,
                     Sized<4096>, Sized<5000>, Sized<20000>>;
TYPED_TEST_SUITE(PageTrimmerObjectTest, Objects);

TYPED_TEST(PageTrimmerObjectTest, DroppedSlotsHoldNewObjects) {
  ObjectTable<TypeParam> table(2000);
  using Allocator = std::decay_t<decltype(Inspector::AllocatorOf(table))>;
  constexpr std::size_t size = sizeof(typename Allocator::Slot);
  std::set<Handle> old;
  for (Word round = 1; round <= 3; ++round) {
    std::vector<Handle> handles;
    for (int i = 0; i < 1500; ++i) handles.push_back(table.Emplace(round));
    for (Handle handle : handles) {
      ASSERT_EQ(table.Pin(handle)->value, round);
      ASSERT_TRUE(old.insert(handle).second);
    }
    for (Handle handle : handles) ASSERT_EQ(table.Delete(handle), Status::kOk);
    const std::size_t bytes = table.Trim();
    // All pages between slot 0 and the last one, and no others.
    const std::size_t first = (size + Page() - 1) / Page() * Page();
    EXPECT_GE(bytes, 1500 * size / Page() * Page() - first);
    EXPECT_LE(bytes, 1500 * size + Page() - first);
    // A page at the edge may be counted again if slots straddle pages.
    if (Page() % size == 0) {
      EXPECT_EQ(table.Trim(), 0u);
    } else {
      EXPECT_LE(table.Trim(), 2 * (size + Page()));
    }
    for (Handle handle : old) {
      ASSERT_EQ(table.Check(handle), Status::kStale);
      ASSERT_EQ(table.Pin(handle).status(), Status::kStale);
      ASSERT_EQ(table.Delete(handle), Status::kStale);
    }
    ExpectConservation(table);
    EXPECT_EQ(TypeParam::alive, 0);
  }
}

// Each third object lives. No byte of it is lost.
TYPED_TEST(PageTrimmerObjectTest, NeighboursOfLiveObjectsStay) {
  ObjectTable<TypeParam> table(2000);
  for (std::size_t stride : {1u, 2u, 3u, 7u, 64u, 300u}) {
    std::vector<Handle> live, dead;
    for (std::size_t i = 0; i < 900; ++i)
      (i % stride == stride / 2 ? live : dead).push_back(table.Emplace(i));
    for (Handle handle : live) {
      const auto pinned = table.Pin(handle);
      for (char& c : pinned->rest) c = static_cast<char>(pinned->value);
    }
    for (Handle handle : dead) ASSERT_EQ(table.Delete(handle), Status::kOk);
    (void)table.Trim();
    for (Handle handle : live) {
      const auto pinned = table.Pin(handle);
      ASSERT_TRUE(pinned);
      for (char c : pinned->rest)
        ASSERT_EQ(c, static_cast<char>(pinned->value));
    }
    ExpectConservation(table);
    table.Clear();
  }
}

// A single object lives, at the end, the middle or the beginning of a page.
TYPED_TEST(PageTrimmerObjectTest, LoneLiveObjectStays) {
  ObjectTable<TypeParam> table(600);
  using Allocator = std::decay_t<decltype(Inspector::AllocatorOf(table))>;
  constexpr std::size_t size = sizeof(typename Allocator::Slot);
  for (std::size_t page = 1; page <= 4; ++page) {
    for (std::size_t i : {0u, 1u, 2u}) {
      const std::size_t alive = page * Page() / size + i - (size < Page());
      std::vector<Handle> dead;
      Handle live = kNullHandle;
      for (Word n = 0; n < 580; ++n) {
        const Handle handle = table.Emplace(n);
        const Word word = static_cast<Word>(handle);
        if (DefaultLayout::Index::Decode(word) == alive) {
          live = handle;
        } else {
          dead.push_back(handle);
        }
      }
      if (live != kNullHandle) {
        for (char& c : table.Pin(live)->rest) c = 'x';
      }
      for (Handle handle : dead) ASSERT_EQ(table.Delete(handle), Status::kOk);
      (void)table.Trim();
      if (live == kNullHandle) continue;
      const auto pinned = table.Pin(live);
      ASSERT_TRUE(pinned) << "slot " << alive;
      for (char c : pinned->rest) ASSERT_EQ(c, 'x') << "slot " << alive;
      ASSERT_EQ(table.Delete(live), Status::kOk);
    }
  }
}

TEST(PageTrimmerObjectsTest, RetiredAndDeferredObjectsStay) {
  using T = Sized<1000>;
  ObjectTable<T> table(1000);
  std::vector<Handle> handles;
  for (Word i = 0; i < 900; ++i) handles.push_back(table.Emplace(i));
  {
    const auto pinned = table.Pin(handles[300]);
    std::optional<ObjectTable<T>::ReadScope> scope(std::in_place, table);
    const T* const found = scope->Find(handles[600]);
    ASSERT_NE(found, nullptr);
    for (Handle handle : handles) ASSERT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_NE(table.Trim(), 0u);
    EXPECT_EQ(pinned->value, 300u);
    EXPECT_EQ(found->value, 600u);
  }
  EXPECT_EQ(T::alive, 0);
  EXPECT_NE(table.Trim(), 0u);
  ExpectConservation(table);
}

TEST(PageTrimmerObjectsTest, CountsOfPinsAreNotDropped) {
  ObjectTable<Sized<1000>, CountedTraits> table(1000);
  std::vector<Handle> handles;
  for (Word i = 0; i < 900; ++i) handles.push_back(table.Emplace(i));
  for (Handle handle : handles) ASSERT_EQ(table.Delete(handle), Status::kOk);
  EXPECT_EQ(table.Trim(), 0u);
}

// ---- beside other threads

// Threads make and delete all that the capacity allows while another trims: no
// New may be refused.
TEST(PageTrimmerThreadsTest, CapacityHoldsBesideATrim) {
  constexpr unsigned kThreads = 3;
  constexpr std::size_t kEach = 700;
  using Traits = TestTraits<MagazineFreeList, DefaultLayout, Exhaustion::kWrap>;
  HandleTable<Word, Traits> table(kThreads * kEach);
  std::atomic<unsigned> running{kThreads};
  std::atomic<std::size_t> dropped{0};
  RunThreads(kThreads + 1, [&](unsigned t) {
    if (t == kThreads) {
      while (running.load() != 0) dropped += table.Trim();
      return;
    }
    std::vector<Handle> handles(kEach);
    for (int round = 0; round < (kSanitized ? 40 : 400); ++round) {
      for (Handle& handle : handles) {
        handle = table.New(t);
        ASSERT_NE(handle, kNullHandle);
      }
      for (Handle handle : handles) ASSERT_EQ(table.Delete(handle), Word{t});
    }
    --running;
  });
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft::internal
