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
  for (const char* const diagnose : {static_cast<const char*>(nullptr), ""}) {
    const EnvironmentOptions options = Read(diagnose, nullptr);
    EXPECT_EQ(options.diagnose_flags, 0u);
    EXPECT_EQ(options.refusals_per_second, 0u);
    EXPECT_TRUE(options.is_diagnose_valid);
    EXPECT_EQ(options.capacity, 0u);
    EXPECT_TRUE(options.is_capacity_valid);
  }
}

TEST(EnvironmentOptionsTest, WordsAreSeparatedByCommas) {
  EnvironmentOptions options = Read("leaks,refusals=17,sites", nullptr);
  EXPECT_EQ(options.diagnose_flags, HAFT_DIAGNOSE_LEAKS | HAFT_DIAGNOSE_SITES);
  EXPECT_EQ(options.refusals_per_second, 17u);
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

TEST(EnvironmentOptionsTest, CapacityIsAPositiveNumberInDecimalDigits) {
  for (const char* const text : {"12", "012"}) {
    const EnvironmentOptions options = Read(nullptr, text);
    EXPECT_EQ(options.capacity, 12u) << text;
    EXPECT_TRUE(options.is_capacity_valid) << text;
  }
  EXPECT_EQ(Read(nullptr, "5").capacity, 5u);
  for (const char* const text : {"", "0", "00", "12x", "x", "-1", "+1", " 1",
                                 "1 ", "1e6", "0x10", "1.5"}) {
    const EnvironmentOptions options = Read(nullptr, text);
    EXPECT_EQ(options.capacity, 0u) << text;
    EXPECT_FALSE(options.is_capacity_valid) << text;
  }
}

TEST(EnvironmentOptionsTest, CapacityBeyondAllNumbersIsTheLargest) {
  const EnvironmentOptions options =
      Read(nullptr, "99999999999999999999999999");
  EXPECT_EQ(options.capacity, SIZE_MAX);
  EXPECT_TRUE(options.is_capacity_valid);
}

}  // namespace
}  // namespace haft::internal
