#include "haft/global_free_list.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/free_list_suite.h"

namespace haft::testing {
namespace {

using Global = FreeListCase<GlobalFreeList, UncachedCaller, true>;
INSTANTIATE_TYPED_TEST_SUITE_P(Global, FreeListTest, Global);
INSTANTIATE_TYPED_TEST_SUITE_P(Global, ExactFreeListTest, Global);

TEST(GlobalFreeListTest, ForEachShowsTheLastPushedFirst) {
  FreeListOverSlots<GlobalFreeList> list(6, DefaultLayout::kSlots);
  UncachedCaller caller;
  const std::vector<Word> handles = list.Pop(caller, 3);
  list.Push(caller, {handles[0], handles[2]});
  EXPECT_EQ(list.Waiting(), (std::vector<Word>{handles[2], handles[0]}));
}

}  // namespace
}  // namespace haft::testing
