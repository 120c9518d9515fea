#include "haft/internal/reclamation/pin_counts.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

#include "haft/handle_layout.h"
#include "tests/support/inspector.h"

namespace haft::internal {
namespace {

using Layout = HandleLayout<3, 20>;
constexpr std::size_t kSlots = 8;

// A slot as far as PinCounts sees it.
struct Slot {
  static Word GenerationOf(Word handle) {
    return Layout::Generation::Decode(handle);
  }
  bool MayBeLive(Word handle, Word slots) const {
    EXPECT_EQ(slots, kSlots);
    return handle == live;
  }
  Word live;
};

class PinCountsTest : public ::testing::Test {
 protected:
  // Returns whether there was a pin to remove.
  bool Remove(PinCounts::Count* count, Word handle) {
    const bool holds = PinCounts::Holds<Slot>(*count, handle);
    const std::uint64_t before = count->load();
    PinCounts::Remove<Slot>(*count, handle);
    EXPECT_EQ(count->load(), before - holds);
    return holds;
  }

  const Word earlier_ = Layout::Make(5, 3);
  const Word handle_ = Layout::Make(6, 3);
  const Word neighbour_ = Layout::Make(6, 4);
  Slot slot_{handle_};
  PinCounts counts_{kSlots};
};

TEST_F(PinCountsTest, EachSlotIsCountedByItself) {
  std::vector<Word> handles;
  std::vector<PinCounts::Count*> counts;
  for (Word slot = 0; slot < kSlots; ++slot) {
    handles.push_back(Layout::Make(6, slot));
    counts.push_back(counts_.Add(Slot{handles[slot]}, handles[slot]));
  }
  EXPECT_EQ(std::set(counts.begin(), counts.end()).size(), kSlots);
  for (Word slot = 0; slot < kSlots; ++slot) {
    EXPECT_TRUE(counts_.Has(slot_, handles[slot]));
    EXPECT_TRUE(Remove(counts[slot], handles[slot]));
    EXPECT_FALSE(counts_.Has(slot_, handles[slot]));
  }
}

TEST_F(PinCountsTest, AHandleHasPinsUntilAsManyAreRemoved) {
  ASSERT_TRUE(counts_.ok());
  EXPECT_FALSE(counts_.Has(slot_, handle_));
  PinCounts::Count* const first = counts_.Add(slot_, handle_);
  PinCounts::Count* const second = counts_.Add(slot_, handle_);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first, second);
  EXPECT_TRUE(counts_.Has(slot_, handle_));
  EXPECT_FALSE(counts_.Has(slot_, earlier_));
  EXPECT_FALSE(counts_.Has(slot_, neighbour_));
  EXPECT_TRUE(Remove(first, handle_));
  EXPECT_TRUE(counts_.Has(slot_, handle_));
  EXPECT_TRUE(Remove(first, handle_));
  EXPECT_FALSE(counts_.Has(slot_, handle_));
}

TEST_F(PinCountsTest, RemovingWhatIsNotCountedIsRefused) {
  PinCounts::Count* const count = counts_.Add(slot_, handle_);
  EXPECT_FALSE(Remove(count, earlier_));
  EXPECT_TRUE(counts_.Has(slot_, handle_));
  EXPECT_TRUE(Remove(count, handle_));
  EXPECT_FALSE(Remove(count, handle_));
  EXPECT_FALSE(counts_.Has(slot_, handle_));
  EXPECT_NE(counts_.Add(slot_, handle_), nullptr);
  EXPECT_TRUE(Remove(count, handle_));
}

// The count of a later handle is not touched by a thread that comes too late.
TEST_F(PinCountsTest, AHandleThatIsNotLiveIsNotCounted) {
  EXPECT_EQ(counts_.Add(slot_, earlier_), nullptr);
  (void)counts_.Add(slot_, handle_);
  EXPECT_EQ(counts_.Add(slot_, earlier_), nullptr);
  EXPECT_TRUE(counts_.Has(slot_, handle_));
}

// What a thread that came too late has counted for an earlier handle is in
// nobody's way.
TEST_F(PinCountsTest, ALiveHandleReplacesTheCountOfAnEarlierOne) {
  slot_.live = earlier_;
  PinCounts::Count* const late = counts_.Add(slot_, earlier_);
  slot_.live = handle_;
  PinCounts::Count* const count = counts_.Add(slot_, handle_);
  EXPECT_TRUE(counts_.Has(slot_, handle_));
  EXPECT_FALSE(counts_.Has(slot_, earlier_));
  EXPECT_FALSE(Remove(late, earlier_));
  EXPECT_TRUE(Remove(count, handle_));
  EXPECT_FALSE(counts_.Has(slot_, handle_));
}

TEST_F(PinCountsTest, NoMoreThanFitTheWord) {
  PinCounts::Count* const count = counts_.Add(slot_, handle_);
  Inspector::SetCount(counts_, handle_, ~std::uint32_t{0} - 1);
  EXPECT_EQ(counts_.Add(slot_, handle_), count);
  EXPECT_EQ(counts_.Add(slot_, handle_), nullptr);
  EXPECT_TRUE(counts_.Has(slot_, handle_));
  EXPECT_TRUE(Remove(count, handle_));
  EXPECT_EQ(counts_.Add(slot_, handle_), count);
}

}  // namespace
}  // namespace haft::internal
