#include "haft/internal/diagnostics/handle_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>

#include "haft/handle_layout.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

// Slot 2 of four.
template <typename LayoutT>
class HandleHistoryTest : public ::testing::Test {
 protected:
  using Layout = LayoutT;
  using History = HandleHistory<Layout>;
  using Event = typename History::Event;

  static Word HandleOf(Word generation) { return Layout::Make(generation, 2); }
  void ExpectNothing(Word handle) const {
    EXPECT_EQ(history_.Recall(handle).created.thread, 0u);
    EXPECT_EQ(history_.Recall(handle).deleted.thread, 0u);
  }

  History history_{4};
};
using Layouts = ::testing::Types<DefaultLayout, Layout32<12>, Layout32<20>>;
TYPED_TEST_SUITE(HandleHistoryTest, Layouts);

TYPED_TEST(HandleHistoryTest, RemembersEachOfTheLastHandles) {
  constexpr Word kLast = 100, kRecords = TestFixture::History::kRecords;
  for (Word g = 1; g <= kLast; ++g) {
    const auto n = static_cast<std::uint32_t>(g);
    this->history_.NoteCreated(this->HandleOf(g), {n, n + 1000});
    this->history_.NoteDeleted(this->HandleOf(g), {n + 2000, n + 3000});
  }
  for (Word g = 1; g <= kLast - kRecords; ++g)
    this->ExpectNothing(this->HandleOf(g));
  for (Word g = kLast - kRecords + 1; g <= kLast; ++g) {
    const auto record = this->history_.Recall(this->HandleOf(g));
    EXPECT_EQ(record.created.site, g);
    EXPECT_EQ(record.created.thread, g + 1000);
    EXPECT_EQ(record.deleted.site, g + 2000);
    EXPECT_EQ(record.deleted.thread, g + 3000);
  }
  this->ExpectNothing(this->HandleOf(kLast + 1));
}

TYPED_TEST(HandleHistoryTest, HoldsTheLargestSiteAndThread) {
  constexpr typename TestFixture::Event kLargest = {0xffff, 0x3fffff};
  constexpr Word kLast = TypeParam::Generation::kMax;
  this->history_.NoteCreated(this->HandleOf(kLast), kLargest);
  const auto record = this->history_.Recall(this->HandleOf(kLast));
  EXPECT_EQ(record.created.site, kLargest.site);
  EXPECT_EQ(record.created.thread, kLargest.thread);
  EXPECT_EQ(record.deleted.thread, 0u) << "it has not been deleted";
}

TYPED_TEST(HandleHistoryTest, ALateEventDoesNotTouchALaterHandle) {
  const Word early = this->HandleOf(5);
  const Word late = this->HandleOf(5 + TestFixture::History::kRecords);
  this->history_.NoteCreated(late, {2, 2});
  this->history_.NoteDeleted(late, {3, 3});
  this->history_.NoteCreated(early, {1, 1});
  this->history_.NoteDeleted(early, {4, 4});
  EXPECT_EQ(this->history_.Recall(late).created.thread, 2u);
  EXPECT_EQ(this->history_.Recall(late).deleted.thread, 3u);
  this->ExpectNothing(early);
}

TYPED_TEST(HandleHistoryTest,
           TheDeleterOfAnEarlierHandleIsNotReportedForALaterOne) {
  const Word early = this->HandleOf(5);
  const Word late = this->HandleOf(5 + TestFixture::History::kRecords);
  this->history_.NoteCreated(early, {1, 1});
  this->history_.NoteDeleted(early, {2, 2});
  this->history_.NoteCreated(late, {3, 3});
  EXPECT_EQ(this->history_.Recall(late).deleted.thread, 0u);
}

// Until an entry has been reused 2^26 times, its handles are told apart.
TYPED_TEST(HandleHistoryTest, NeitherIsThatOfAHandleLongAgo) {
  constexpr Word kRecords = TestFixture::History::kRecords;
  constexpr Word kReuses =
      std::min(TypeParam::Generation::kMax / kRecords, Word{1} << 26);
  for (Word reuses = 1; reuses < kReuses; reuses *= 2) {
    typename TestFixture::History history(4);
    const Word early = this->HandleOf(1);
    const Word late = this->HandleOf(1 + reuses * kRecords);
    history.NoteCreated(early, {1, 1});
    history.NoteDeleted(early, {2, 2});
    history.NoteCreated(late, {3, 3});
    EXPECT_EQ(history.Recall(late).deleted.thread, 0u) << reuses;
  }
}

TYPED_TEST(HandleHistoryTest, HandlesWithoutASlotAreIgnored) {
  // The first one, and one whose entry would not be the first of its slot.
  for (const Word generation : {TestFixture::History::kRecords, Word{1}}) {
    const Word handle = TypeParam::Make(generation, 4);
    this->history_.NoteCreated(handle, {1, 1});
    this->history_.NoteDeleted(handle, {1, 1});
    this->ExpectNothing(handle);
  }
}

// One thread creates handles in one slot, one records their deletions, late or
// never, and two ask for the last handles. Each answer is about the handle that
// was asked for, or empty.
TYPED_TEST(HandleHistoryTest, NeverReportsAnotherHandlesEvents) {
  // A slot has no more handles than the layout has generations.
  constexpr Word kLast = TypeParam::Generation::kMax < 300'000
                             ? TypeParam::Generation::kMax
                             : 300'000;
  const auto event = [](Word g, unsigned what) {
    const auto n = static_cast<std::uint32_t>(2 * g + what);
    return typename TestFixture::Event{n & 0xffff, n + 1};
  };
  // relaxed wherever it is used: the history must be safe by itself.
  std::atomic<Word> last{1};
  std::atomic<std::uint64_t> reported{0};
  testing::Barrier start(4);
  testing::RunThreads(4, [&](unsigned t) {
    start.Wait();
    Word back = 0;
    for (Word g = 1; g < kLast;) {
      if (t == 0) {
        // Gives the others their turn.
        while (g == kLast / 2 && reported.load(std::memory_order_relaxed) == 0)
          std::this_thread::yield();
        this->history_.NoteCreated(this->HandleOf(g), event(g, 0));
        last.store(++g, std::memory_order_relaxed);
      } else if (t == 1) {
        const Word next = last.load(std::memory_order_relaxed);
        if (next != g)
          this->history_.NoteDeleted(this->HandleOf(g), event(g, 1));
        g = next;
      } else {
        g = last.load(std::memory_order_relaxed);
        back = (back + 1) % (TestFixture::History::kRecords + 2);
        if (g <= back) continue;
        const auto record = this->history_.Recall(this->HandleOf(g - back));
        for (unsigned what : {0u, 1u}) {
          const auto& seen = what == 0 ? record.created : record.deleted;
          if (seen.thread == 0) continue;
          reported.fetch_add(1, std::memory_order_relaxed);
          ASSERT_EQ(seen.thread, event(g - back, what).thread);
          ASSERT_EQ(seen.site, event(g - back, what).site);
        }
      }
    }
  });
  EXPECT_GT(reported, 0u);
}

}  // namespace
}  // namespace haft::internal
