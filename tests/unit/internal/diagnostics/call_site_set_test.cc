#include "haft/internal/diagnostics/call_site_set.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

#include "tests/support/testing.h"

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

TEST(CallSiteSetTest, EqualSitesShareANumberAndOthersDoNot) {
  CallSiteSet sites(16);
  char file[] = "a.c", same[] = "a.c";
  const std::uint32_t number = sites.NumberOf(Line(file, 1), "type");
  EXPECT_NE(number, 0u);
  EXPECT_EQ(sites.NumberOf(Line(same, 1), "type"), number);
  std::set<std::uint32_t> numbers = {number};
  EXPECT_TRUE(numbers.insert(sites.NumberOf(Line(file, 2), "type")).second);
  EXPECT_TRUE(numbers.insert(sites.NumberOf(Line("b.c", 1), "type")).second);
  EXPECT_TRUE(numbers.insert(sites.NumberOf(Line(file, 1), "other")).second);
  EXPECT_TRUE(numbers.insert(sites.NumberOf(Line(file, 1), nullptr)).second);
  EXPECT_TRUE(numbers.insert(sites.NumberOf(Address(file), "type")).second);
  EXPECT_TRUE(numbers.insert(sites.NumberOf(Address(same), "type")).second);
}

// Only the texts count, and not the bytes before them.
TEST(CallSiteSetTest, TextsOfEqualSitesMayLieAnywhere) {
  CallSiteSet sites(16);
  const char one[] = "1file.c", two[] = "2file.c";
  EXPECT_EQ(sites.NumberOf(Line(one + 1, 1), "type"),
            sites.NumberOf(Line(two + 1, 1), "type"));
}

TEST(CallSiteSetTest, KeepsCopiesAndTheTailOfLongTexts) {
  CallSiteSet sites(16);
  std::string file = std::string(300, 'x') + "end.c", type = "type";
  const std::uint32_t number =
      sites.NumberOf(Line(file.c_str(), 7), type.c_str());
  EXPECT_EQ(sites.NumberOf(Line(file.c_str(), 7), type.c_str()), number);
  file.assign(file.size(), '?');
  type = "????";
  const CallSite* const site = sites.Find(number);
  ASSERT_NE(site, nullptr);
  EXPECT_STREQ(site->type_name(), "type");
  EXPECT_NE(Format(site->location()).find("xxend.c:7"), std::string::npos);
}

TEST(CallSiteSetTest, KeepsAsMuchOfATailAsFits) {
  CallSiteSet sites(16);
  for (const std::size_t length : {71u, 72u, 73u, 200u}) {
    const std::string type = "type" + std::string(length - 4, 't');
    const CallSite* const site =
        sites.Find(sites.NumberOf(Line("file.c", 7), type.c_str()));
    ASSERT_NE(site, nullptr);
    EXPECT_EQ(site->type_name(), type.substr(length - 71));
    EXPECT_STREQ(site->location().file, "file.c");
    EXPECT_EQ(site->location().number, 7u);
  }
  for (const std::size_t length : {103u, 104u, 105u, 200u}) {
    const std::string file = "file" + std::string(length - 4, 'f');
    const CallSite* const site =
        sites.Find(sites.NumberOf(Line(file.c_str(), 7), "type"));
    ASSERT_NE(site, nullptr);
    EXPECT_EQ(site->location().file, file.substr(length - 103));
    EXPECT_STREQ(site->type_name(), "type");
  }
}

TEST(CallSiteSetTest, SitesAreEqualIfAllOfThemIs) {
  CallSiteSet sites(16), others(16);
  const CallSite& site = *sites.Find(sites.NumberOf(Line("f", 1), "type"));
  EXPECT_STREQ(site.location().file, "f");
  EXPECT_TRUE(site.Equals(site));
  const auto other = [&](SourceLocation location, const char* type) -> auto& {
    return *others.Find(others.NumberOf(location, type));
  };
  EXPECT_TRUE(site.Equals(other(Line("f", 1), "type")));
  EXPECT_FALSE(site.Equals(other(Line("f", 2), "type")));
  EXPECT_FALSE(site.Equals(other(Line("g", 1), "type")));
  EXPECT_FALSE(site.Equals(other(Line("f", 1), "other")));
}

TEST(CallSiteSetTest, SiteOfWhichNothingIsKnownHasANumberToo) {
  CallSiteSet sites(16);
  const std::uint32_t number = sites.NumberOf({nullptr, 0}, nullptr);
  const CallSite* const site = sites.Find(number);
  ASSERT_NE(site, nullptr);
  EXPECT_STREQ(site->type_name(), "");
  EXPECT_EQ(site->location().file, nullptr);
}

TEST(CallSiteSetTest, AFullSetHasNoNumberForAnotherSite) {
  CallSiteSet sites(4);
  for (unsigned line = 1; line <= 3; ++line)
    EXPECT_NE(sites.NumberOf(Line("a.c", line), nullptr), 0u);
  EXPECT_EQ(sites.NumberOf(Line("a.c", 4), nullptr), 0u);
  EXPECT_NE(sites.NumberOf(Line("a.c", 2), nullptr), 0u);
  EXPECT_EQ(sites.Find(0), nullptr);
  EXPECT_EQ(sites.Find(4), nullptr);
  EXPECT_EQ(sites.Find(~0u), nullptr);
  for (std::uint32_t number = 1; number <= 3; ++number)
    EXPECT_NE(sites.Find(number), nullptr) << number;
}

TEST(CallSiteSetTest, ThreadsSeeEachOthersSitesComplete) {
  constexpr unsigned kThreads = 4, kLines = 200;
  CallSiteSet sites(4096);
  testing::Barrier start(kThreads);
  testing::RunThreads(kThreads, [&](unsigned) {
    start.Wait();
    for (unsigned line = 1; line <= kLines; ++line) {
      const CallSite* const site =
          sites.Find(sites.NumberOf(Line("a.c", line), "type"));
      ASSERT_NE(site, nullptr);
      EXPECT_EQ(site->location().number, line);
      EXPECT_STREQ(site->location().file, "a.c");
      EXPECT_STREQ(site->type_name(), "type");
    }
  });
  std::size_t used = 0;
  for (std::uint32_t number = 1; number < sites.size(); ++number)
    used += sites.Find(number) != nullptr;
  EXPECT_GE(used, kLines);
  EXPECT_LE(used, kThreads * kLines);
}

// A call does not search all of a set that is full.
TEST(CallSiteSetTest, ExaminesABoundedNumberOfSites) {
  CallSiteSet sites(1024);
  unsigned line = 0;
  while (sites.NumberOf(Line("a.c", ++line), nullptr) != 0)
    ASSERT_LE(line, sites.size()) << "more sites than there is room for";
  EXPECT_GT(line, sites.size() / 2) << "full long before it is";
}

}  // namespace
}  // namespace haft::internal
