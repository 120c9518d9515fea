#include "haft/status.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace haft {
namespace {

TEST(StatusTest, ValuesAreNeverRenumbered) {
  static_assert(static_cast<int>(Status::kOk) == 0);
  static_assert(static_cast<int>(Status::kNull) == 1);
  static_assert(static_cast<int>(Status::kMalformed) == 2);
  static_assert(static_cast<int>(Status::kNeverIssued) == 3);
  static_assert(static_cast<int>(Status::kStale) == 4);
  static_assert(sizeof(Status) == sizeof(int));
}

TEST(StatusTest, NamesSayWhy) {
  EXPECT_STREQ(StatusName(Status::kOk), "ok");
  EXPECT_STREQ(StatusName(Status::kNull), "null");
  EXPECT_STREQ(StatusName(Status::kMalformed), "malformed");
  EXPECT_STREQ(StatusName(Status::kNeverIssued), "never issued here");
  EXPECT_STREQ(StatusName(Status::kStale), "stale");
}

TEST(StatusTest, NoStatusIsUnknown) {
  EXPECT_STREQ(StatusName(static_cast<Status>(-1)), "unknown");
  EXPECT_STREQ(StatusName(static_cast<Status>(1000)), "unknown");
}

TEST(StatusTest, NamesAreDistinctAndConstant) {
  static_assert(StatusName(Status::kOk)[0] == 'o');
  std::set<std::string> names;
  for (int i = 0; i <= 4; ++i) names.insert(StatusName(static_cast<Status>(i)));
  EXPECT_EQ(names.size(), 5u);
}

}  // namespace
}  // namespace haft
