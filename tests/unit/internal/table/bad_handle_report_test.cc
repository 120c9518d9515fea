#include "haft/internal/table/bad_handle_report.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "haft/handle.h"
#include "haft/status.h"

namespace haft::internal {
namespace {

const void* const kTable = reinterpret_cast<const void*>(0xabc0);

TEST(ReportDeathTest, SaysAllThatIsKnown) {
  EXPECT_EXIT(
      FatalBadHandle(
          {"MustValue", kTable, 0x4f, Status::kStale, 7, 3, "live", 9}),
      ::testing::KilledBySignal(SIGABRT),
      "^haft: MustValue\\(0x4f\\): stale in table 0xabc0; the word reads "
      "\\{ generation: 7, index: 3 \\}, that slot is now live at generation "
      "9\n$");
}

TEST(ReportDeathTest, SaysWhenThereIsNoSuchSlot) {
  EXPECT_DEATH(FatalBadHandle({"MustDelete", kTable, 0x4f, Status::kNeverIssued,
                               7, 3, nullptr, 0}),
               "^haft: MustDelete\\(0x4f\\): never issued here in table "
               "0xabc0; the word reads \\{ generation: 7, index: 3 \\}, the "
               "table has no such slot\n$");
}

TEST(ReportDeathTest, LargestNumbersFit) {
  constexpr Word kMax = ~Word{0};
  EXPECT_DEATH(
      FatalBadHandle({"MustDelete", reinterpret_cast<const void*>(kMax), kMax,
                      Status::kNeverIssued, kMax, kMax, "untouched", kMax}),
      "untouched at generation " + std::to_string(kMax) + "\n$");
}

TEST(ReportTest, SaysHowManyObjectsOutliveTheirTable) {
  ::testing::internal::CaptureStderr();
  ReportPinned(kTable, 7);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "haft: table 0xabc0 destroyed while 7 of its objects are pinned: "
            "they and their memory stay\n");
}

}  // namespace
}  // namespace haft::internal
