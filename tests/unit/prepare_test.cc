// Tests of Prepare of both tables, where the system lacks memory.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/status.h"

namespace haft::internal {
namespace {

// The bytes of each range that f() populates, in the order of the calls.
template <typename F>
std::vector<std::size_t> PopulatedBy(F f) {
  static std::vector<std::size_t> bytes;
  bytes.clear();
  testing::note_populated = [](void*, std::size_t count) {
    bytes.push_back(count);
  };
  f();
  testing::note_populated = nullptr;
  return bytes;
}

template <typename Table>
class PrepareTest : public ::testing::Test {};
// With a destructor that does something, so that destructions may wait.
using Tables = ::testing::Types<HandleTable<Word>, ObjectTable<Word>,
                                ObjectTable<std::string>>;
TYPED_TEST_SUITE(PrepareTest, Tables);

TYPED_TEST(PrepareTest, EachPartMayLackMemory) {
  TypeParam table(1000);
  ASSERT_EQ(table.Prepare(1000), Status::kOk);
  testing::populations.Fail(~0u, ~0u);
  ASSERT_EQ(table.Prepare(1000), Status::kOk);
  const unsigned calls = testing::populations.Stop();
  ASSERT_GT(calls, 1u);
  for (unsigned call = 1; call <= calls; ++call) {
    testing::populations.Fail(call, call);
    EXPECT_EQ(table.Prepare(1000), Status::kOutOfMemory) << call;
    EXPECT_EQ(testing::populations.Stop(), calls) << "the rest is done";
  }
  testing::populations.FailAll();
  EXPECT_EQ(table.Prepare(1001), Status::kFull);
  EXPECT_EQ(testing::populations.Stop(), 0u);
  EXPECT_EQ(table.Prepare(1000), Status::kOk);
}

// A thread may hold back two magazines of 255 handles each.
TEST(HandleTablePrepareTest, PopulatesTheSlotsThatAreNeeded) {
  const std::size_t page = sync::PageSize();
  constexpr std::size_t kSlot = 2 * sizeof(Word);
  HandleTable<Word> table(10 * page);
  for (const std::size_t expected :
       {std::size_t{0}, std::size_t{1}, page, 9 * page}) {
    const std::vector<std::size_t> bytes =
        PopulatedBy([&] { EXPECT_EQ(table.Prepare(expected), Status::kOk); });
    ASSERT_FALSE(bytes.empty());
    const std::size_t needed = (expected + 2 * 255) * kSlot;
    EXPECT_EQ(bytes.back(), (needed + page - 1) / page * page) << expected;
  }
}

}  // namespace
}  // namespace haft::internal
