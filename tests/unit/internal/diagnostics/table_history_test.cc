#include "haft/internal/diagnostics/table_history.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "haft/internal/base/sync.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

constexpr haft_type kType = {"type", nullptr, nullptr, 0, 0};
constexpr haft_type kNameless = {nullptr, nullptr, nullptr, 0, 0};
constexpr SourceLocation kHere = {"here.c", 1}, kThere = {"there.c", 2};

class TableHistoryTest : public ::testing::Test {
 protected:
  void ExpectSite(const TableHistory::Event& event, SourceLocation location,
                  const char* type_name) const {
    EXPECT_EQ(event.thread, sync::ThreadNumber());
    const CallSite* const site = history_->SiteOf(event);
    ASSERT_NE(site, nullptr);
    EXPECT_STREQ(site->location().file, location.file);
    EXPECT_EQ(site->location().number, location.number);
    EXPECT_STREQ(site->type_name(), type_name);
  }

  std::unique_ptr<TableHistory> history_ = TableHistory::Create(4);
  haft_handle handle_ = AnyTraits::Layout::Make(1, 2);
};

TEST_F(TableHistoryTest, RemembersThreadAndSiteOfBothEvents) {
  history_->NoteCreated(handle_, kHere, &kType);
  ExpectSite(history_->Recall(Handle(handle_)).created, kHere, "type");
  EXPECT_EQ(history_->Recall(Handle(handle_)).deleted.thread, 0u);
  history_->NoteDeleted(handle_, kThere);
  ExpectSite(history_->Recall(Handle(handle_)).created, kHere, "type");
  ExpectSite(history_->Recall(Handle(handle_)).deleted, kThere, "");
}

TEST_F(TableHistoryTest, ADeletionThatIsFoundLaterDoesNotReplaceAnother) {
  history_->NoteCreated(handle_, kHere, &kNameless);
  ExpectSite(history_->Recall(Handle(handle_)).created, kHere, "(nameless)");
  history_->NoteFoundDeleted(handle_, kThere);
  ExpectSite(history_->Recall(Handle(handle_)).deleted, kThere, "");
  history_->NoteFoundDeleted(handle_, kHere);
  ExpectSite(history_->Recall(Handle(handle_)).deleted, kThere, "");
}

TEST_F(TableHistoryTest, KnowsNoSiteOfAnEventThatWasNotRecorded) {
  EXPECT_EQ(history_->SiteOf(history_->Recall(Handle(handle_)).created),
            nullptr);
}

// In processes of their own, which have no memory for it, or only for a part.
TEST(TableHistoryMemoryTest, ThereIsNoneWithoutMemoryForAll) {
  if (testing::kSanitized) GTEST_SKIP() << "sanitizers need memory, too";
  testing::InChild([] {
    testing::TakeAllMemory();
    // malloc keeps freed memory by its size.
    while (std::malloc(sizeof(TableHistory)) != nullptr) {
    }
    EXPECT_EQ(TableHistory::Create(4), nullptr);
  });
  testing::InChild([] {
    // The records of four slots take less, and the call sites more.
    constexpr rlim_t kRoom = rlim_t{4} << 20;
    std::size_t pages = 0;
    ASSERT_TRUE(std::ifstream("/proc/self/statm") >> pages);
    const rlim_t bytes = pages * sync::PageSize() + kRoom;
    const rlimit limit = {bytes, bytes};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    EXPECT_EQ(TableHistory::Create(4), nullptr);
  });
}

}  // namespace
}  // namespace haft::internal
