// The examples of the README and of the study's guide are files that are
// compiled and run.

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

// The arm that run.sh builds from another workspace.
TEST(StudyGuideTest, ArmIsTheCompiledFile) {
  std::stringstream arm(Read("tests/consumer/workspace/mine.cc"));
  std::string indented;
  for (std::string line; std::getline(arm, line);)
    indented += "   " + line + "\n";
  ASSERT_FALSE(indented.empty());
  EXPECT_NE(Read("docs/study.md").find("   ```cpp\n" + indented + "   ```\n"),
            std::string::npos);
}

}  // namespace
