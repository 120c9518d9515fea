#include "haft/internal/reclamation/user_set.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <thread>
#include <vector>

#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

// More threads than there are bits.
constexpr unsigned kThreads = std::numeric_limits<Word>::digits + 7;

// The indices that the set says there can be.
std::set<unsigned> Indices(const UserSet& users) {
  std::set<unsigned> indices;
  users.Read().ForEach(ThreadRegistry::OfThisCopy(), [&](unsigned index) {
    EXPECT_TRUE(indices.insert(index).second) << index << " twice";
    return false;
  });
  return indices;
}

// Runs f(indices) beside `count` threads that have an index.
template <typename F>
void BesideThreads(unsigned count, F f) {
  std::vector<unsigned> indices(count);
  testing::Barrier claimed(count + 1), end(count + 1);
  std::thread threads([&] {
    testing::RunThreads(count, [&](unsigned t) {
      ThreadRegistry::OfThisCopy().Claim();
      indices[t] = sync::ThisThread().index.load(std::memory_order_relaxed);
      claimed.Wait();
      end.Wait();
    });
  });
  claimed.Wait();
  f(indices);
  end.Wait();
  threads.join();
}

class UserSetTest : public ::testing::Test {
 protected:
  UserSetTest() { ThreadRegistry::OfThisCopy().Prepare(); }
  UserSet users_{};
};

TEST_F(UserSetTest, NobodyToBeginWithAndAfterClear) {
  EXPECT_EQ(Indices(users_), std::set<unsigned>{});
  users_.Add(UserSet::Member(0));
  EXPECT_EQ(Indices(users_).count(0), 1u);
  users_.Clear();
  EXPECT_EQ(Indices(users_), std::set<unsigned>{});
}

TEST_F(UserSetTest, HoldsEveryIndexThatWasAddedAndNoneBeyondReach) {
  BesideThreads(kThreads, [&](const std::vector<unsigned>& claimed) {
    for (const unsigned index : claimed) ASSERT_NE(index, 0u);
    for (const unsigned index : claimed) {
      users_.Clear();
      users_.Add(UserSet::Member(index));
      EXPECT_EQ(Indices(users_), std::set<unsigned>{index});
      users_.Add(UserSet::Member(0));
      const std::set<unsigned> found = Indices(users_);
      EXPECT_EQ(found.count(index), 1u);
      EXPECT_EQ(found.count(0), 1u);
      EXPECT_LT(found.size(), kThreads / 4) << "nearly all look alike";
      EXPECT_LE(*found.rbegin(), ThreadRegistry::OfThisCopy().Reach());
    }
    users_.Clear();
    for (const unsigned index : claimed) users_.Add(UserSet::Member(index));
    const std::set<unsigned> found = Indices(users_);
    for (const unsigned index : claimed)
      EXPECT_EQ(found.count(index), 1u) << index;
  });
}

TEST_F(UserSetTest, HasWhoWasAddedOrLooksLikeSuchAThread) {
  constexpr unsigned kGroups = std::numeric_limits<Word>::digits / 2;
  const UserSet::Member a(1), b(2), like_b(2 + kGroups), c(3);
  EXPECT_FALSE(users_.Has(a));
  users_.Add(a);
  EXPECT_TRUE(users_.Has(a));
  EXPECT_FALSE(users_.Has(UserSet::Member(1 + kGroups)))
      << "the first is exact";
  EXPECT_FALSE(users_.Has(b));
  users_.Add(b);
  EXPECT_TRUE(users_.Has(a));
  EXPECT_TRUE(users_.Has(b));
  EXPECT_TRUE(users_.Has(like_b));
  EXPECT_FALSE(users_.Has(c));
  users_.Add(a);
  EXPECT_TRUE(users_.Has(UserSet::Member(1 + kGroups))) << "added as another";
  users_.AddCounted();
  EXPECT_TRUE(users_.Has(a));
  EXPECT_FALSE(users_.Has(c));
  users_.Clear();
  EXPECT_FALSE(users_.Has(a));
  EXPECT_FALSE(users_.Has(b));
}

TEST_F(UserSetTest, CountedPinsAreNoUser) {
  EXPECT_TRUE(users_.Read().empty());
  EXPECT_FALSE(users_.Read().are_counted());
  users_.AddCounted();
  users_.AddCounted();
  EXPECT_FALSE(users_.Read().empty());
  EXPECT_TRUE(users_.Read().are_counted());
  EXPECT_EQ(Indices(users_), std::set<unsigned>{});
  // Neither disturbs the other, in either order.
  users_.Add(UserSet::Member(sync::kMaxThreads));
  users_.Add(UserSet::Member(1));
  EXPECT_TRUE(users_.Read().are_counted());
  UserSet others{};
  others.Add(UserSet::Member(sync::kMaxThreads));
  others.AddAsOther(UserSet::Member(1));
  EXPECT_FALSE(others.Read().are_counted());
  others.AddCounted();
  EXPECT_TRUE(others.Read().are_counted());
  EXPECT_EQ(Indices(others).count(sync::kMaxThreads), 1u);
  others.Clear();
  EXPECT_TRUE(others.Read().empty());
}

TEST_F(UserSetTest, StopsWhenTold) {
  for (unsigned index = 0; index < 20; ++index)
    users_.Add(UserSet::Member(index));
  for (const int last : {1, 2}) {
    int calls = 0;
    users_.Read().ForEach(ThreadRegistry::OfThisCopy(),
                          [&](unsigned) { return ++calls == last; });
    EXPECT_EQ(calls, last);
  }
}

}  // namespace
}  // namespace haft::internal
