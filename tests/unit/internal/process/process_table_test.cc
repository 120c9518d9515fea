#include "haft/internal/process/process_table.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
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

// Creates a table in a process that has address space for `bytes` more. It must
// have a history that works.
//   Returns   whether there was room for the table
bool IsRoomForDiagnosedTable(std::size_t bytes) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    EXPECT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    std::size_t pages = 0;
    EXPECT_TRUE(std::ifstream("/proc/self/statm") >> pages);
    const rlim_t most = pages * sync::PageSize() + bytes;
    const rlimit limit = {most, most};
    EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    const std::unique_ptr<CTable> table = CTable::Create(1000);
    if (table != nullptr && table->history() != nullptr) {
      constexpr haft_type kType = {"type", nullptr, nullptr, 0, 0};
      const haft_handle handle = AnyTraits::Layout::Make(1, 2);
      table->history()->NoteCreated(handle, {"file.c", 1}, &kType);
      const auto created = table->history()->Recall(Handle(handle)).created;
      EXPECT_NE(created.thread, 0u) << "it has no room for handles";
      EXPECT_NE(table->history()->SiteOf(created), nullptr) << "nor for sites";
    }
    EXPECT_TRUE(table == nullptr || table->history() != nullptr);
    std::fflush(nullptr);
    _exit(::testing::Test::HasFailure() ? 2 : table != nullptr ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2) << bytes;
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

// In particular if there is room for the table and not for its history, or only
// for a part of that.
TEST(ProcessTableTest, ATableWithoutRoomForItsHistoryIsNotCreated) {
  if (testing::kSanitized)
    GTEST_SKIP() << "a sanitizer needs more address space than that";
  std::size_t too_little = 0, enough = std::size_t{512} << 20;
  EXPECT_FALSE(IsRoomForDiagnosedTable(too_little));
  EXPECT_TRUE(IsRoomForDiagnosedTable(enough));
  while (enough - too_little > sync::PageSize()) {
    const std::size_t middle = too_little + (enough - too_little) / 2;
    (IsRoomForDiagnosedTable(middle) ? enough : too_little) = middle;
  }
}

}  // namespace
}  // namespace haft::internal
