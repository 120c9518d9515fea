#include "haft/internal/diagnostics/handle_history.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "haft/handle_layout.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

// Slot 2 of four.
template <typename LayoutT>
class LifeLogTest : public ::testing::Test {
 protected:
  using Layout = LayoutT;
  using Log = HandleHistory<Layout>;
  using Event = typename Log::Event;

  static Word HandleOf(Word generation) { return Layout::Make(generation, 2); }
  void ExpectNothing(Word handle) const {
    EXPECT_EQ(log_.Recall(handle).created.thread, 0u);
    EXPECT_EQ(log_.Recall(handle).deleted.thread, 0u);
  }

  Log log_{4};
};
using Layouts = ::testing::Types<DefaultLayout, Layout32<12>, Layout32<20>>;
TYPED_TEST_SUITE(LifeLogTest, Layouts);

TYPED_TEST(LifeLogTest, RemembersEachOfTheLastLives) {
  constexpr Word kLast = 100, kLives = TestFixture::Log::kLives;
  for (Word g = 1; g <= kLast; ++g) {
    const auto n = static_cast<std::uint32_t>(g);
    this->log_.NoteCreated(this->HandleOf(g), {n, n + 1000});
    this->log_.NoteDeleted(this->HandleOf(g), {n + 2000, n + 3000});
  }
  for (Word g = 1; g <= kLast - kLives; ++g)
    this->ExpectNothing(this->HandleOf(g));
  for (Word g = kLast - kLives + 1; g <= kLast; ++g) {
    const auto life = this->log_.Recall(this->HandleOf(g));
    EXPECT_EQ(life.created.site, g);
    EXPECT_EQ(life.created.thread, g + 1000);
    EXPECT_EQ(life.deleted.site, g + 2000);
    EXPECT_EQ(life.deleted.thread, g + 3000);
  }
  this->ExpectNothing(this->HandleOf(kLast + 1));
}

TYPED_TEST(LifeLogTest, HoldsTheLargestSiteAndThread) {
  constexpr typename TestFixture::Event kLargest = {0xffff, 0x3fffff};
  constexpr Word kLast = TypeParam::Generation::kMax;
  this->log_.NoteCreated(this->HandleOf(kLast), kLargest);
  const auto life = this->log_.Recall(this->HandleOf(kLast));
  EXPECT_EQ(life.created.site, kLargest.site);
  EXPECT_EQ(life.created.thread, kLargest.thread);
  EXPECT_EQ(life.deleted.thread, 0u) << "nobody has deleted it";
}

TYPED_TEST(LifeLogTest, LateNoteDoesNotTouchALaterLife) {
  const Word early = this->HandleOf(5);
  const Word late = this->HandleOf(5 + TestFixture::Log::kLives);
  this->log_.NoteCreated(late, {2, 2});
  this->log_.NoteDeleted(late, {3, 3});
  this->log_.NoteCreated(early, {1, 1});
  this->log_.NoteDeleted(early, {4, 4});
  EXPECT_EQ(this->log_.Recall(late).created.thread, 2u);
  EXPECT_EQ(this->log_.Recall(late).deleted.thread, 3u);
  this->ExpectNothing(early);
}

TYPED_TEST(LifeLogTest, WhoDeletedAnEarlierLifeHasNotDeletedThis) {
  const Word early = this->HandleOf(5);
  const Word late = this->HandleOf(5 + TestFixture::Log::kLives);
  this->log_.NoteCreated(early, {1, 1});
  this->log_.NoteDeleted(early, {2, 2});
  this->log_.NoteCreated(late, {3, 3});
  EXPECT_EQ(this->log_.Recall(late).deleted.thread, 0u);
}

TYPED_TEST(LifeLogTest, HandlesOfNoSlotAreIgnored) {
  const Word handle = TypeParam::Make(1, 4);
  this->log_.NoteCreated(handle, {1, 1});
  this->log_.NoteDeleted(handle, {1, 1});
  this->ExpectNothing(handle);
}

// One slot is used again and again; one thread notes who deleted, late or
// never, and two ask for the last handles: what they are told is of that
// handle, or nothing.
TYPED_TEST(LifeLogTest, NeverSaysOfOneHandleWhatIsAnothers) {
  // A slot has no more lives than the layout has generations.
  constexpr Word kLast = TypeParam::Generation::kMax < 300'000
                             ? TypeParam::Generation::kMax
                             : 300'000;
  const auto event = [](Word g, unsigned what) {
    const auto n = static_cast<std::uint32_t>(2 * g + what);
    return typename TestFixture::Event{n & 0xffff, n + 1};
  };
  // relaxed wherever it is used: what is noted must be safe by itself.
  std::atomic<Word> last{1};
  std::atomic<std::uint64_t> told{0};
  testing::Barrier start(4);
  testing::RunThreads(4, [&](unsigned t) {
    start.Wait();
    Word back = 0;
    for (Word g = 1; g < kLast;) {
      if (t == 0) {
        // So that the others have their turn.
        while (g == kLast / 2 && told.load(std::memory_order_relaxed) == 0)
          std::this_thread::yield();
        this->log_.NoteCreated(this->HandleOf(g), event(g, 0));
        last.store(++g, std::memory_order_relaxed);
      } else if (t == 1) {
        const Word next = last.load(std::memory_order_relaxed);
        if (next != g) this->log_.NoteDeleted(this->HandleOf(g), event(g, 1));
        g = next;
      } else {
        g = last.load(std::memory_order_relaxed);
        back = (back + 1) % (TestFixture::Log::kLives + 2);
        if (g <= back) continue;
        const auto life = this->log_.Recall(this->HandleOf(g - back));
        for (unsigned what : {0u, 1u}) {
          const auto& seen = what == 0 ? life.created : life.deleted;
          if (seen.thread == 0) continue;
          told.fetch_add(1, std::memory_order_relaxed);
          ASSERT_EQ(seen.thread, event(g - back, what).thread);
          ASSERT_EQ(seen.site, event(g - back, what).site);
        }
      }
    }
  });
  EXPECT_GT(told, 0u);
}

}  // namespace
}  // namespace haft::internal
