#include "haft/internal/process/process_table.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "haft/haft.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/table_history.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

using testing::InChild;

// Each test is a process of its own, because a process has one table.

TEST(ProcessTableTest, IsCreatedByTheFirstCallThatAsksForIt) {
  InChild([] {
    setenv("HAFT_CAPACITY", "100", 1);
    EXPECT_EQ(ProcessTableOrNull(), nullptr);
    EXPECT_EQ(FastPathTable(nullptr), nullptr);
    CTable* const table = TableOf(nullptr);
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->Stats().capacity, 100u);
    EXPECT_EQ(TableOf(nullptr), table);
    EXPECT_EQ(ProcessTableOrNull(), table);
    EXPECT_EQ(FastPathTable(nullptr), table);
  });
}

TEST(ProcessTableTest, CapacityIsLimitedToWhatTheLayoutAllows) {
  InChild([] {
    setenv("HAFT_CAPACITY", "9999999999999999999", 1);
    CTable* const table = TableOf(nullptr);
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->Stats().capacity, AnyTable::kMaxCapacity);
  });
}

TEST(ProcessTableTest, TableOfAnotherTableIsThatTable) {
  InChild([] {
    const std::unique_ptr<CTable> mine = CTable::Create(10);
    ASSERT_NE(mine, nullptr);
    auto* const name = reinterpret_cast<haft_table*>(mine.get());
    EXPECT_EQ(TableOf(name), mine.get());
    EXPECT_EQ(FastPathTable(name), mine.get());
    EXPECT_EQ(ProcessTableOrNull(), nullptr);
    EXPECT_EQ(mine->history(), nullptr);
  });
}

TEST(ProcessTableTest, DiagnosticsTurnTheFastPathOffAndKeepAHistory) {
  InChild([] {
    setenv("HAFT_CAPACITY", "100", 1);
    ASSERT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    const std::unique_ptr<CTable> mine = CTable::Create(10);
    ASSERT_NE(mine, nullptr);
    EXPECT_NE(mine->history(), nullptr);
    EXPECT_EQ(FastPathTable(reinterpret_cast<haft_table*>(mine.get())),
              nullptr);
    CTable* const table = TableOf(nullptr);
    ASSERT_NE(table, nullptr);
    EXPECT_NE(table->history(), nullptr);
    EXPECT_EQ(TableOf(nullptr), table);
    EXPECT_EQ(FastPathTable(nullptr), nullptr);
  });
}

TEST(ProcessTableTest, CreateReturnsNullIfTheLayoutHasNoRoom) {
  InChild(
      [] { EXPECT_EQ(CTable::Create(AnyTable::kMaxCapacity + 1), nullptr); });
}

// Address space for the table may be all that there is.
TEST(ProcessTableTest, ATableWithoutRoomForItsHistoryIsNotCreated) {
  if (testing::kSanitized)
    GTEST_SKIP() << "a sanitizer needs more address space than that";
  constexpr rlim_t kMebibytes = 512;
  for (rlim_t room = 0; room <= kMebibytes; room += 4) {
    InChild([room] {
      ASSERT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
      std::size_t pages = 0;
      ASSERT_TRUE(std::ifstream("/proc/self/statm") >> pages);
      const rlim_t bytes = pages * sync::PageSize() + (room << 20);
      const rlimit limit = {bytes, bytes};
      ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
      const std::unique_ptr<CTable> table = CTable::Create(1000);
      EXPECT_TRUE(table == nullptr || table->history() != nullptr);
      if (room == 0) {
        EXPECT_EQ(table, nullptr);
      } else if (room == kMebibytes) {
        EXPECT_NE(table, nullptr);
      }
    });
  }
}

}  // namespace
}  // namespace haft::internal
