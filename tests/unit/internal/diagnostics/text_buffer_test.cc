#include "haft/internal/diagnostics/text_buffer.h"

#include <gtest/gtest.h>

#include "haft/internal/diagnostics/source_location.h"

namespace haft::internal {
namespace {

TEST(TextBufferTest, AddsTextsAndLocations) {
  char buffer[40];
  TextBuffer text(buffer, sizeof(buffer));
  EXPECT_STREQ(buffer, "");
  text.Add("%s %d ", "a", 1);
  text.Add(SourceLocation{"file.c", 12});
  EXPECT_STREQ(buffer, "a 1 file.c:12");
  EXPECT_EQ(text.length(), 13u);
  text.Add("%s", "!");
  text.Add("%s", "");
  EXPECT_STREQ(buffer, "a 1 file.c:12!");
  EXPECT_EQ(text.length(), 14u);
}

TEST(TextBufferTest, CutsOffWhatDoesNotFitAndKnowsTheFullLength) {
  char buffer[] = "......x";
  TextBuffer text(buffer, 6);
  text.Add("%s", "abc");
  text.Add("%s", "defgh");
  text.Add(SourceLocation{"f", 1});
  EXPECT_STREQ(buffer, "abcde");
  EXPECT_EQ(buffer[6], 'x') << "written beyond the size";
  EXPECT_EQ(text.length(), 11u);
}

TEST(TextBufferTest, WithoutABufferCountsOnly) {
  TextBuffer text(nullptr, 0);
  text.Add("%s", "abc");
  EXPECT_EQ(text.length(), 3u);
}

}  // namespace
}  // namespace haft::internal
