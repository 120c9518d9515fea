// The README's example is the file that is compiled and run.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string Read(const char* path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ReadmeTest, ExampleIsTheCompiledFile) {
  const std::string example = Read("tests/consumer/readme_example.cc");
  ASSERT_FALSE(example.empty());
  EXPECT_NE(Read("README.md").find("```cpp\n" + example + "```\n"),
            std::string::npos);
}

}  // namespace
