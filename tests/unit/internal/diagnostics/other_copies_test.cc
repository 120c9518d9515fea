// tests/consumer/shared_library_test.cc tests copies of libhaft.so that
// describe each other's handles.

#include "haft/internal/diagnostics/other_copies.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <string>

namespace haft::internal {
namespace {

std::string OtherCopies() {
  char buffer[1000];
  TextBuffer text(buffer, sizeof(buffer));
  AddOtherCopies(text);
  return buffer;
}

// This program has a copy of its own, from the archive.
TEST(OtherCopiesTest, ALoadedLibraryIsNamedAndTheOwnFileIsNot) {
  EXPECT_EQ(OtherCopies(), "");
  ASSERT_NE(dlopen("./libhaft.so", RTLD_NOW | RTLD_LOCAL), nullptr)
      << dlerror();
  EXPECT_EQ(OtherCopies(),
            "; another copy of Haft is loaded from ./libhaft.so");
}

}  // namespace
}  // namespace haft::internal
