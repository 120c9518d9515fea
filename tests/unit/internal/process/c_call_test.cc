#include "haft/internal/process/c_call.h"

#include <gtest/gtest.h>

#include "haft/handle.h"

namespace haft::internal {
namespace {

TEST(CCallTest, StatusesKeepTheirNumbers) {
  EXPECT_EQ(ToC(Status::kOk), HAFT_OK);
  EXPECT_EQ(ToC(Status::kInvalid), HAFT_INVALID);
  EXPECT_EQ(OkOrRefused(3, Status::kOk), HAFT_OK);
  EXPECT_EQ(OkOrRefused(3, Status::kStale), HAFT_STALE);
  EXPECT_EQ(DeletedOrRefused(3, Status::kOk), HAFT_OK);
  EXPECT_EQ(DeletedOrRefused(3, Status::kPinned), HAFT_PINNED);
  EXPECT_EQ(Refused(3, Status::kMalformed, nullptr), HAFT_MALFORMED);
}

// Its code is where the inlined functions say that they are called.
[[gnu::noinline]] SourceLocation Called(const void** returns_to) {
  *returns_to = __builtin_return_address(0);
  return AtCaller()();
}

TEST(CCallTest, AtCallerIsTheCallOfTheFunctionItIsInlinedInto) {
  const void* returns_to = nullptr;
  const SourceLocation location = Called(&returns_to);
  EXPECT_EQ(location.file, nullptr);
  EXPECT_EQ(ReturnAddressOf(location), returns_to);
}

TEST(CCallTest, AtLineIsTheLineThatWasGiven) {
  const SourceLocation location = AtLine{"file.c", 12}();
  EXPECT_STREQ(location.file, "file.c");
  EXPECT_EQ(location.number, 12u);
}

}  // namespace
}  // namespace haft::internal
