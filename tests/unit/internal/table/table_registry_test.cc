#include "haft/internal/table/table_registry.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/haft.h"
#include "haft/handle_layout.h"
#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"
#include "tests/support/testing.h"

namespace {

// Whether malloc fails, and how often it was called.
std::atomic<bool> malloc_fails{false};
std::atomic<int> mallocs{0};

}  // namespace

// Linked in place of malloc.
extern "C" void* __real_malloc(std::size_t size);
extern "C" void* __wrap_malloc(std::size_t size) {
  ++mallocs;
  return malloc_fails ? nullptr : __real_malloc(size);
}

namespace haft {
namespace {

struct Small : DefaultTraits {
  using Layout = Layout32<>;
  using FreeList = GlobalFreeList;
};

// A stray handle of one table is refused by all others of the process, at first
// and when each has used its slots some more times.
TEST(TableRegistryTest, SmallTablesOfOneProcessBeginFarApart) {
  constexpr int kTables = 200;
  std::vector<std::unique_ptr<HandleTable<int, Small>>> tables;
  std::set<Word> generations;
  for (int n = 0; n < kTables; ++n) {
    tables.push_back(HandleTable<int, Small>::Create(4));
    const Handle first = tables.back()->New(n);
    generations.insert(
        Small::Layout::Generation::Decode(static_cast<Word>(first)));
  }
  ASSERT_EQ(generations.size(), static_cast<std::size_t>(kTables));
  Word least = Small::Layout::Generation::kMax;
  Word last = 0;
  for (const Word generation : generations) {
    if (last != 0 && generation - last < least) least = generation - last;
    last = generation;
  }
  // Half of the range, divided among the tables; see SpreadSequence.
  EXPECT_GE(least,
            Small::Layout::Generation::kMax / 2 * 10 / (23 * kTables) - 1);
}

// Writes what f returns in a child of fork into `words`.
template <typename F>
std::vector<Word> WordsOfChild(F f) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::vector<Word> words = f();
    const std::size_t bytes = words.size() * sizeof(Word);
    _exit(write(ends[1], words.data(), bytes) == static_cast<ssize_t>(bytes)
              ? 0
              : 1);
  }
  close(ends[1]);
  std::vector<Word> words;
  Word word;
  while (read(ends[0], &word, sizeof(word)) == sizeof(word))
    words.push_back(word);
  close(ends[0]);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return words;
}

using Member = internal::TableRegistry::Member;

void Count(void* renewals, std::uint64_t) { ++*static_cast<Word*>(renewals); }

TEST(TableRegistryTest, EachMemberIsRenewedOnceInAChild) {
  constexpr std::size_t kMembers = 500;
  std::vector<Word> renewals(kMembers), expected(kMembers);
  std::vector<std::unique_ptr<Member>> members(kMembers);
  const auto join = [&](std::size_t n) {
    members[n] = std::make_unique<Member>(&renewals[n], &Count);
    EXPECT_TRUE(members[n]->ok());
    expected[n] = 1;
  };
  for (std::size_t n = 0; n < kMembers; ++n) join(n);
  for (std::size_t n = 0; n < kMembers; n += 2) {
    members[n].reset();
    expected[n] = 0;
  }
  // Some of them take the places of others.
  for (std::size_t n = 0; n < kMembers; n += 4) join(n);
  EXPECT_EQ(WordsOfChild([&] { return renewals; }), expected);
}

TEST(TableRegistryTest, MemberTakesThePlaceOfOneThatIsGone) {
  Word renewals = 0;
  { const Member gone(&renewals, &Count); }
  const int before = mallocs;
  const Member member(&renewals, &Count);
  EXPECT_TRUE(member.ok());
  EXPECT_EQ(mallocs, before);
}

TEST(TableRegistryTest, MemberWithoutMemoryForItsPlaceIsNotOk) {
  Word renewals = 0;
  std::deque<Member> members;
  malloc_fails = true;
  // Until there are no places of earlier members any more.
  do {
    members.emplace_back(&renewals, &Count);
  } while (members.back().ok() && members.size() < 10'000);
  const auto table = HandleTable<int>::Create(4);
  malloc_fails = false;
  EXPECT_FALSE(members.back().ok());
  EXPECT_EQ(table, nullptr);
}

template <typename Traits>
class ForkTest : public ::testing::Test {};

// Whether two random generations are never equal in practice.
template <typename Traits>
constexpr bool kHasManyGenerations = Traits::Layout::Generation::kWidth >= 32;

struct Magazines : DefaultTraits {};
struct Striped : DefaultTraits {
  using FreeList = StripedFreeList;
};
struct Global : DefaultTraits {
  using FreeList = GlobalFreeList;
};
struct Cds : DefaultTraits {
  using FreeList = CdsFreeList;
};
struct Wrapping : DefaultTraits {
  using Layout = HandleLayout<14, 16>;
  static constexpr Exhaustion kExhaustion = Exhaustion::kWrap;
};
struct OfMagazinesOfThree : DefaultTraits {
  using FreeList = BasicMagazineFreeList<3>;
};
using AllTraits =
    ::testing::Types<Magazines, Striped, Global, Cds, Wrapping,
                     OfMagazinesOfThree,
                     testing::CompactTestTraits<MagazineFreeList>>;
TYPED_TEST_SUITE(ForkTest, AllTraits);

// Free slots wait in the cache, in the depot, as single handles and as slots
// that were never used.
TYPED_TEST(ForkTest, HandlesThatParentAndChildrenMakeDiffer) {
  constexpr int kLive = 1000, kNew = 3000;
  testing::TableOf<int, TypeParam> table(10'000);
  std::vector<Handle> handles;
  for (int n = 0; n < 2 * kLive; ++n) handles.push_back(table.New(n));
  // Of an uncached caller.
  std::thread([&] {
    internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    for (int n = kLive; n < kLive + 10; ++n) table.Delete(handles[n]);
  }).join();
  for (int n = kLive + 10; n < 2 * kLive; ++n) table.Delete(handles[n]);

  const auto of_child = [&] {
    for (int n = 0; n < kLive; ++n)
      if (table.Value(handles[n]) != n) _exit(2);
    for (int n = kLive; n < 2 * kLive; ++n)
      if (table.Check(handles[n]) != Status::kStale) _exit(3);
    std::vector<Word> words;
    for (int n = 0; n < kNew; ++n) {
      const Handle handle = table.New(n);
      if (table.Value(handle) != n) _exit(4);
      words.push_back(static_cast<Word>(handle));
    }
    testing::ExpectConservation(table);
    if (::testing::Test::HasFailure()) _exit(5);
    // What was free is used again and again.
    for (const Word word : words)
      if (!table.Delete(Handle(word))) _exit(6);
    return words;
  };
  const std::vector<Word> first = WordsOfChild(of_child);
  const std::vector<Word> second = WordsOfChild(of_child);
  ASSERT_EQ(first.size(), static_cast<std::size_t>(kNew));
  ASSERT_EQ(second.size(), static_cast<std::size_t>(kNew));

  const std::set<Word> of_first(first.begin(), first.end());
  std::set<Word> all(first.begin(), first.end());
  for (const Word word : second) {
    const bool is_new = all.insert(word).second;
    // With few generations two children meet by chance, as two tables do.
    EXPECT_TRUE(is_new || !kHasManyGenerations<TypeParam>) << "two children";
  }
  for (int n = 0; n < kNew; ++n) {
    const Handle handle = table.New(n);
    ASSERT_NE(handle, kNullHandle);
    const bool is_new = all.insert(static_cast<Word>(handle)).second;
    EXPECT_TRUE(is_new || !kHasManyGenerations<TypeParam>) << "a child";
    EXPECT_EQ(of_first.count(static_cast<Word>(handle)), 0u) << "a child";
  }
  for (const Word word : first)
    EXPECT_NE(table.Check(Handle(word)), Status::kOk);
  testing::ExpectConservation(table);
}

// Until its last generation a slot has a later one for the child.
TEST(ForkedTableTest, ASlotThatIsNearlyExhaustedStaysUsable) {
  struct Tiny : DefaultTraits {
    using Layout = HandleLayout<3, 3>;
    using FreeList = GlobalFreeList;
  };
  for (int lives = 0; lives < 8; ++lives) {
    HandleTable<int, Tiny> table(1);
    for (int n = 0; n < lives; ++n) table.Delete(table.New(n));
    const std::vector<Word> words = WordsOfChild([&] {
      std::vector<Word> made;
      for (;;) {
        const Handle handle = table.New(7);
        if (handle == kNullHandle) break;
        made.push_back(static_cast<Word>(handle));
        if (made.size() > 8 || table.Delete(handle) != 7) _exit(2);
      }
      return made;
    });
    const std::set<Word> distinct(words.begin(), words.end());
    EXPECT_EQ(distinct.size(), words.size());
    const Handle next = table.New(1);
    if (next != kNullHandle && words.size() > 1) {
      EXPECT_EQ(distinct.count(static_cast<Word>(next)), 0u) << lives;
    }
  }
}

TEST(ForkedTableTest, HandlesOfTheProcessTableDifferToo) {
  static constexpr haft_type kType = {"type", nullptr, nullptr, 0, 0};
  static int object;
  haft_handle kept = 0;
  ASSERT_EQ(haft_new(&object, &kType, &kept), HAFT_OK);
  const std::vector<Word> words = WordsOfChild([&] {
    void* found = nullptr;
    if (haft_value(kept, &kType, &found) != HAFT_OK || found != &object)
      _exit(2);
    std::vector<Word> made;
    for (int n = 0; n < 1000; ++n) {
      haft_handle handle = 0;
      if (haft_new(&object, &kType, &handle) != HAFT_OK) _exit(3);
      made.push_back(handle);
    }
    return made;
  });
  ASSERT_EQ(words.size(), 1000u);
  for (int n = 0; n < 1000; ++n) {
    haft_handle handle = 0;
    ASSERT_EQ(haft_new(&object, &kType, &handle), HAFT_OK);
  }
  for (const Word word : words) EXPECT_NE(haft_check(word), HAFT_OK);
}

// New tables of parent and child begin at different generations.
TEST(ForkedTableTest, NewTablesOfParentAndChildBeginApart) {
  const auto first_word = [] {
    HandleTable<int> table(10);
    return std::vector<Word>{static_cast<Word>(table.New(1))};
  };
  const std::vector<Word> first = WordsOfChild(first_word);
  const std::vector<Word> second = WordsOfChild(first_word);
  const std::vector<Word> own = first_word();
  if (!kHasManyGenerations<DefaultTraits>)
    GTEST_SKIP() << "with few generations they may be equal by chance";
  EXPECT_NE(first, second);
  EXPECT_NE(first, own);
  EXPECT_NE(second, own);
}

}  // namespace
}  // namespace haft
