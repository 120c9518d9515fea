#include "haft/internal/thread/cache_access.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>

#include "haft/internal/thread/thread_caches.h"

namespace haft::internal {
namespace {

struct Cache {
  int handles;
};
struct Derived : Cache {
  int depth;
};
using Owner = ThreadCaches<Derived>::Owner;
using UncachedCaller = ThreadCaches<Derived>::UncachedCaller;

TEST(CacheAccessTest, BothAccessesOfThreadCachesAreCacheAccesses) {
  EXPECT_TRUE((kIsCacheAccess<Owner, Cache>));
  EXPECT_TRUE((kIsCacheAccess<UncachedCaller, Cache>));
  EXPECT_TRUE(Owner::kHasCache);
  EXPECT_FALSE(UncachedCaller::kHasCache);
}

TEST(CacheAccessTest, TheDeclaredModelsAreCacheAccesses) {
  EXPECT_TRUE((kIsCacheAccess<CachedAccess<Derived>, Cache>));
  EXPECT_TRUE((kIsCacheAccess<UncachedAccess, Cache>));
}

TEST(CacheAccessTest, ACacheOfAnotherTypeIsNotReached) {
  struct Other {};
  EXPECT_FALSE((kIsCacheAccess<Owner, Other>));
  EXPECT_TRUE((kIsCacheAccess<UncachedCaller, Other>));
}

// Each lacks one member, because a member of the same name hides it.
using Whole = CachedAccess<Cache>;
struct WithoutKind : Whole {
  struct kHasCache {};
};
struct WithoutCreated : Whole {
  int CountCreated;
};
struct WithoutUncount : Whole {
  int UncountCreated;
};
struct WithoutDeleted : Whole {
  int CountDeleted;
};
struct WithoutCache : Whole {
  int cache;
};
struct WithoutLevel : Whole {
  int level;
};
struct WithoutSetLevel : Whole {
  int set_level;
};
struct WithoutRaise : Whole {
  int RaiseLevel;
};
struct WithoutLower : Whole {
  int LowerLevel;
};
struct ThatThrows : Whole {
  void CountCreated(std::uint64_t);
};

template <typename A>
class IncompleteAccessTest : public testing::Test {};
using IncompleteAccesses =
    testing::Types<WithoutKind, WithoutCreated, WithoutUncount, WithoutDeleted,
                   WithoutCache, WithoutLevel, WithoutSetLevel, WithoutRaise,
                   WithoutLower, ThatThrows, int>;
TYPED_TEST_SUITE(IncompleteAccessTest, IncompleteAccesses);

TYPED_TEST(IncompleteAccessTest, IsNoCacheAccess) {
  EXPECT_FALSE((kIsCacheAccess<TypeParam, Cache>));
}

}  // namespace
}  // namespace haft::internal
