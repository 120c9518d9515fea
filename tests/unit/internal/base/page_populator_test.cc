// Over the real system, in which populating can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/base/page_populator.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
namespace {

constexpr std::size_t kPages = 400;

// The pages of each call, the first and the end.
using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;

class PagePopulatorTest : public ::testing::Test {
 protected:
  PagePopulatorTest() {
    test = this;
    testing::note_populated = [](void* begin, std::size_t bytes) {
      const auto offset = static_cast<std::size_t>(static_cast<char*>(begin) -
                                                   test->array_.data());
      EXPECT_EQ(offset % test->page_, 0u);
      EXPECT_EQ(bytes % test->page_, 0u);
      test->ranges_.emplace_back(offset / test->page_,
                                 (offset + bytes) / test->page_);
    };
  }
  ~PagePopulatorTest() override { testing::note_populated = nullptr; }

  // Uses the elements of `pages` with `at_once` elements of `size` bytes at a
  // time.
  Ranges Fill(std::size_t pages, std::size_t size, std::size_t at_once) {
    ranges_.clear();
    const std::size_t count = pages * page_ / size;
    PagePopulator populator(array_.data(), count, size);
    for (std::size_t i = 0; i < count; i += at_once)
      populator.NoteUseOf(i, i + at_once < count ? i + at_once : count);
    return ranges_;
  }

  static inline PagePopulatorTest* test = nullptr;
  const std::size_t page_ = sync::PageSize();
  ReservedArray<char> array_{kPages * page_};
  Ranges ranges_;
};

const Ranges kFirstSteps = {
    {16, 18}, {18, 20}, {20, 22},  {22, 24},   {24, 26},   {26, 28},
    {28, 30}, {30, 32}, {32, 36},  {36, 40},   {40, 44},   {44, 48},
    {48, 52}, {52, 56}, {56, 60},  {60, 64},   {64, 72},   {72, 80},
    {80, 88}, {88, 96}, {96, 104}, {104, 112}, {112, 120}, {120, 128}};

TEST_F(PagePopulatorTest, StepsGrowWithTheArray) {
  Ranges expected = kFirstSteps;
  for (std::size_t page = 128; page < kPages; page += 16)
    expected.emplace_back(page, page + 16);
  EXPECT_EQ(Fill(kPages, 16, 128), expected);
  EXPECT_EQ(Fill(kPages, 16, 1), expected);
  EXPECT_EQ(Fill(kPages, 8, 100), expected);
  EXPECT_EQ(Fill(128, 64, 128), kFirstSteps);
}

TEST_F(PagePopulatorTest, NothingBeyondTheArrayIsPopulated) {
  EXPECT_EQ(Fill(130, 16, 128).back(), Ranges::value_type(128, 130));
  EXPECT_EQ(Fill(33, 16, 128).back(), Ranges::value_type(32, 33));
  EXPECT_EQ(Fill(32, 16, 128).back(), Ranges::value_type(30, 32));
  EXPECT_EQ(Fill(17, 16, 128).back(), Ranges::value_type(16, 17));
  EXPECT_EQ(Fill(16, 16, 128), Ranges());
}

TEST_F(PagePopulatorTest, LargeElementsArePopulatedBeforeTheyAreUsed) {
  // Each of three pages, of which the first step that begins in it counts.
  const Ranges ranges = Fill(60, 3 * page_, 1);
  std::size_t end = 16;
  for (const auto& [first, stop] : ranges) {
    EXPECT_EQ(first, end);
    EXPECT_GT(stop, first);
    end = stop;
  }
  EXPECT_EQ(end, 60u);
}

TEST_F(PagePopulatorTest, OneRunMayTakeManySteps) {
  EXPECT_EQ(Fill(kPages, page_, kPages), (Ranges{{16, kPages}}));
  EXPECT_EQ(Fill(kPages, page_, 129),
            (Ranges{{16, 144}, {144, 272}, {272, kPages}}));
}

// Elements that straddle pages: each page counts for the element in which it
// begins.
TEST_F(PagePopulatorTest, ElementsMayStraddlePages) {
  EXPECT_EQ(Fill(128, 24, 1), kFirstSteps);
  EXPECT_EQ(Fill(128, 40, 7), kFirstSteps);
}

// The last page has one byte.
TEST_F(PagePopulatorTest, APageMayBeginWithTheLastElement) {
  PagePopulator populator(array_.data(), 16 * page_ + 1, 1);
  populator.NoteUseOf(0, 16 * page_);
  EXPECT_EQ(ranges_, Ranges());
  populator.NoteUseOf(16 * page_, 16 * page_ + 1);
  EXPECT_EQ(ranges_, (Ranges{{16, 17}}));
}

TEST_F(PagePopulatorTest, ThreadsMayComeInAnyOrder) {
  PagePopulator populator(array_.data(), kPages, page_);
  populator.NoteUseOf(200, 208);
  EXPECT_EQ(ranges_, Ranges()) << "no step begins there";
  populator.NoteUseOf(192, 200);
  populator.NoteUseOf(130, 144);
  populator.NoteUseOf(128, 130);
  EXPECT_EQ(ranges_, (Ranges{{192, 208}, {128, 144}}));
}

TEST_F(PagePopulatorTest, WhatIsPopulatedIsNotPopulatedAgain) {
  PagePopulator populator(array_.data(), kPages, page_);
  EXPECT_TRUE(populator.Populate(144));
  EXPECT_TRUE(populator.Populate(100)) << "the mark does not go back";
  EXPECT_EQ(ranges_, (Ranges{{0, 144}, {0, 100}}));
  ranges_.clear();
  for (std::size_t i = 0; i < 160; ++i) populator.NoteUseOf(i, i + 1);
  EXPECT_EQ(ranges_, (Ranges{{144, 160}}));
}

TEST_F(PagePopulatorTest, APartOfAStepDoesNotCount) {
  PagePopulator populator(array_.data(), kPages, page_);
  EXPECT_TRUE(populator.Populate(143));
  ranges_.clear();
  populator.NoteUseOf(128, 129);
  EXPECT_EQ(ranges_, (Ranges{{128, 144}}));
}

TEST_F(PagePopulatorTest, PopulateTakesAnyNumber) {
  PagePopulator populator(array_.data(), kPages - 1, page_);
  EXPECT_TRUE(populator.Populate(0));
  EXPECT_TRUE(populator.Populate(kPages - 2));
  EXPECT_TRUE(populator.Populate(kPages - 1));
  EXPECT_TRUE(populator.Populate(kPages));
  EXPECT_TRUE(populator.Populate(~std::size_t{0}));
  EXPECT_TRUE(populator.Populate(~std::size_t{0} / page_ + 2));
  EXPECT_EQ(ranges_, (Ranges{{0, kPages - 2},
                             {0, kPages - 1},
                             {0, kPages - 1},
                             {0, kPages - 1},
                             {0, kPages - 1}}));
}

TEST_F(PagePopulatorTest, WithoutMemoryNothingIsMarked) {
  PagePopulator populator(array_.data(), kPages, page_);
  testing::populations.FailAll();
  EXPECT_FALSE(populator.Populate(200));
  populator.NoteUseOf(128, 129);
  EXPECT_EQ(testing::populations.Stop(), 2u);
  populator.NoteUseOf(128, 129);
  EXPECT_EQ(ranges_, (Ranges{{128, 144}}));
}

TEST_F(PagePopulatorTest, WithoutAnArrayThereIsNothingToDo) {
  PagePopulator populator(nullptr, kPages, page_);
  populator.NoteUseOf(0, kPages);
  EXPECT_TRUE(populator.Populate(kPages));
  EXPECT_EQ(ranges_, Ranges());
}

}  // namespace
}  // namespace haft::internal
