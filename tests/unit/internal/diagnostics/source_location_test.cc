#include "haft/internal/diagnostics/source_location.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <string>

#include "haft/handle.h"

namespace haft::internal {
namespace {

SourceLocation Line(const char* file, unsigned line) { return {file, line}; }
SourceLocation Address(const void* address) {
  return {nullptr, reinterpret_cast<Word>(address)};
}

std::string Format(SourceLocation location) {
  char text[300];
  FormatLocation(text, sizeof(text), location);
  return text;
}

TEST(SourceLocationTest, ALineIsWrittenWithItsFile) {
  EXPECT_EQ(Format(Line("file.c", 12)), "file.c:12");
}

TEST(SourceLocationTest, AnAddressIsWrittenAsSymbolAndOffsetIntoItsFile) {
  // No sanitizer has one of its own.
  const void* const function = dlsym(RTLD_DEFAULT, "lldiv");
  ASSERT_NE(function, nullptr);
  const std::string text =
      Format(Address(static_cast<const char*>(function) + 1));
  EXPECT_NE(text.find("lldiv+0x1 (libc.so"), text.npos) << text;
}

TEST(SourceLocationTest, AnAddressOutsideOfAllFilesIsWrittenAsItIs) {
  EXPECT_EQ(Format(Address(reinterpret_cast<void*>(16))), "0x10");
}

TEST(SourceLocationTest, OfAReturnAddressIsInsideTheCallAndGivesItBack) {
  const char code[2] = {};
  const SourceLocation location = LocationOfReturn(&code[1]);
  EXPECT_EQ(location.number, reinterpret_cast<Word>(&code[0]));
  EXPECT_EQ(ReturnAddressOf(location), &code[1]);
  EXPECT_EQ(ReturnAddressOf({"file.c", 12}), nullptr);
}

}  // namespace
}  // namespace haft::internal
