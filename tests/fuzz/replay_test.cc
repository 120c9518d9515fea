// An ordinary test that replays a fuzz target's corpus, and random inputs.
// HAFT_CORPUS names the folder of the corpus.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "tests/fuzz/input.h"
#include "tests/support/testing.h"

namespace haft::fuzz {
namespace {

TEST(ReplayTest, CorpusFindsNothing) {
  const char* const folder = std::getenv("HAFT_CORPUS");
  ASSERT_NE(folder, nullptr);
  std::size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file),
                                  std::istreambuf_iterator<char>()};
    ASSERT_TRUE(file.good() || file.eof());
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                           bytes.size());
    ++inputs;
  }
  EXPECT_GE(inputs, 20u);
  RecordProperty("inputs", static_cast<int>(inputs));
}

TEST(ReplayTest, RandomInputsFindNothing) {
  std::mt19937 random(1);
  for (int i = 0; i < (testing::kSanitized ? 100 : 2000); ++i) {
    std::vector<std::uint8_t> bytes(random() % 400);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
}

}  // namespace
}  // namespace haft::fuzz
