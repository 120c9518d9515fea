#include "haft/internal/process/environment_options.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>

#include "haft/haft.h"

namespace haft::internal {
namespace {

EnvironmentOptions Read(const char* diagnose, const char* capacity) {
  unsetenv("HAFT_DIAGNOSE");
  unsetenv("HAFT_CAPACITY");
  if (diagnose != nullptr) setenv("HAFT_DIAGNOSE", diagnose, 1);
  if (capacity != nullptr) setenv("HAFT_CAPACITY", capacity, 1);
  return ReadEnvironment();
}

TEST(EnvironmentOptionsTest, WithoutVariablesNothingIsAskedFor) {
  for (const char* const value : {static_cast<const char*>(nullptr), ""}) {
    const EnvironmentOptions options = Read(value, value);
    EXPECT_EQ(options.diagnose_flags, 0u);
    EXPECT_EQ(options.refusals_per_second, 0u);
    EXPECT_TRUE(options.is_diagnose_valid);
    EXPECT_EQ(options.capacity, 0u);
  }
}

TEST(EnvironmentOptionsTest, WordsAreSeparatedByCommas) {
  EnvironmentOptions options = Read("leaks,refusals=7,sites", nullptr);
  EXPECT_EQ(options.diagnose_flags, HAFT_DIAGNOSE_LEAKS | HAFT_DIAGNOSE_SITES);
  EXPECT_EQ(options.refusals_per_second, 7u);
  EXPECT_TRUE(options.is_diagnose_valid);

  options = Read("leaks", nullptr);
  EXPECT_EQ(options.diagnose_flags, HAFT_DIAGNOSE_LEAKS);
  options = Read("refusals=99999999999", nullptr);
  EXPECT_EQ(options.refusals_per_second, UINT32_MAX);
  EXPECT_TRUE(options.is_diagnose_valid);
}

TEST(EnvironmentOptionsTest, UnknownWordsAreNoticedAndTheOthersCount) {
  for (const char* const words :
       {"sites,sights", "site,sites", "sites,,",
        "sites,refusals=", "sites,refusals=0", "sites,refusals=7x"}) {
    const EnvironmentOptions options = Read(words, nullptr);
    EXPECT_FALSE(options.is_diagnose_valid) << words;
    EXPECT_EQ(options.diagnose_flags, HAFT_DIAGNOSE_SITES) << words;
  }
}

TEST(EnvironmentOptionsTest, CapacityIsAPositiveNumber) {
  EXPECT_EQ(Read(nullptr, "12").capacity, 12u);
  for (const char* const text : {"0", "12x", "x"})
    EXPECT_EQ(Read(nullptr, text).capacity, 0u) << text;
}

}  // namespace
}  // namespace haft::internal
