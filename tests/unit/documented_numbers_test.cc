// The limits that headers and documents state in figures are those of the code.

#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <string>

#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/internal/table/deferred_destruction.h"
#include "haft/magazine_free_list.h"

namespace haft {
namespace {

// As the documents write it: 917,504.
std::string Figure(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string ContentsOf(const std::string& file) {
  std::ifstream stream(file);
  EXPECT_TRUE(stream.good()) << file;
  return {std::istreambuf_iterator<char>(stream),
          std::istreambuf_iterator<char>()};
}

void ExpectStates(const std::string& file, const std::string& phrase) {
  EXPECT_NE(ContentsOf(file).find(phrase), std::string::npos)
      << file << " does not say: " << phrase;
}

// The figures of 64-bit words; the documents name both.
constexpr std::size_t kThreads = std::size_t{1} << 15;
constexpr std::size_t kThreads32 = std::size_t{1} << 12;
static_assert(internal::sync::kMaxThreads ==
              (sizeof(Word) == 8 ? kThreads : kThreads32));

TEST(DocumentedNumbersTest, Threads) {
  for (const char* const file :
       {"lib/haft/read_scope.h", "docs/design.md", "docs/glossary.md",
        "docs/embedding-c.md", "README.md"}) {
    ExpectStates(file, Figure(kThreads));
    ExpectStates(file, Figure(kThreads32));
  }
}

TEST(DocumentedNumbersTest, Caches) {
  const std::string caches = Figure(internal::sync::kMaxCaches);
  ExpectStates("docs/design.md", "one of " + caches);
  ExpectStates("docs/glossary.md", "from 1 to " + caches);
  ExpectStates("README.md", caches + " threads at a time have a cache");
}

TEST(DocumentedNumbersTest, Pins) {
  const std::string cells = Figure(internal::HazardCells::kCells);
  ExpectStates("lib/haft/haft.h", "first " + cells + " of each thread");
  ExpectStates("lib/haft/object_table.h", "cells (" + cells + " a thread)");
  ExpectStates("lib/haft/hazard_reclamation.h", "has " + cells + " cells");
  ExpectStates("docs/design.md", cells + " cells");
  ExpectStates("docs/glossary.md", cells);
}

TEST(DocumentedNumbersTest, DepthOfDestructors) {
  const std::string depth = Figure(internal::DeferredDestruction::kMaxDepth);
  ExpectStates("lib/haft/haft.h", "nested deeper than " + depth);
  ExpectStates("lib/haft/object_table.h", "nested deeper than " + depth);
  ExpectStates("docs/design.md", "depth of " + depth);
}

TEST(DocumentedNumbersTest, Reserve) {
  constexpr std::size_t kCapacity = 1000;
  const std::string reserve = Figure(
      MagazineFreeList::SlotsFor(kCapacity, std::size_t{1} << 26) - kCapacity);
  ExpectStates("docs/design.md", reserve + " slots");
  ExpectStates("docs/glossary.md", reserve);
}

}  // namespace
}  // namespace haft
