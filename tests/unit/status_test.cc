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
  static_assert(static_cast<int>(Status::kWrongType) == 5);
  static_assert(static_cast<int>(Status::kFull) == 6);
  static_assert(static_cast<int>(Status::kOutOfMemory) == 7);
  static_assert(static_cast<int>(Status::kPinned) == 8);
  static_assert(static_cast<int>(Status::kTimedOut) == 9);
  static_assert(static_cast<int>(Status::kInvalid) == 10);
  static_assert(static_cast<int>(Status::kDeferred) == 11);
  static_assert(static_cast<int>(Status::kScoped) == 12);
  static_assert(sizeof(Status) == sizeof(int));
}

TEST(StatusTest, NamesSayWhy) {
  EXPECT_STREQ(StatusName(Status::kOk), "ok");
  EXPECT_STREQ(StatusName(Status::kNull), "null");
  EXPECT_STREQ(StatusName(Status::kMalformed), "malformed");
  EXPECT_STREQ(StatusName(Status::kNeverIssued), "never issued here");
  EXPECT_STREQ(StatusName(Status::kStale), "stale");
  EXPECT_STREQ(StatusName(Status::kWrongType), "of another type");
  EXPECT_STREQ(StatusName(Status::kFull), "full");
  EXPECT_STREQ(StatusName(Status::kOutOfMemory), "out of memory");
  EXPECT_STREQ(StatusName(Status::kPinned), "pinned");
  EXPECT_STREQ(StatusName(Status::kTimedOut), "timed out");
  EXPECT_STREQ(StatusName(Status::kInvalid), "invalid argument");
  EXPECT_STREQ(StatusName(Status::kDeferred),
               "deleted, and destroyed later by this thread");
  EXPECT_STREQ(StatusName(Status::kScoped), "possibly found by a read scope");
}

TEST(StatusTest, NoStatusIsUnknown) {
  EXPECT_STREQ(StatusName(static_cast<Status>(-1)), "unknown");
  EXPECT_STREQ(StatusName(static_cast<Status>(13)), "unknown");
  EXPECT_STREQ(StatusName(static_cast<Status>(1000)), "unknown");
}

TEST(StatusTest, NamesAreDistinctAndConstant) {
  static_assert(StatusName(Status::kOk)[0] == 'o');
  std::set<std::string> names;
  for (int i = 0; i <= 13; ++i)
    names.insert(StatusName(static_cast<Status>(i)));
  EXPECT_EQ(names.size(), 14u) << "13 of statuses, and that of an unknown one";
}

}  // namespace
}  // namespace haft
