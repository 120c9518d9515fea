#include "haft/internal/free_list/free_list_concept.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "haft/global_free_list.h"
#include "haft/handle.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/magazine_free_list.h"
#include "haft/striped_free_list.h"

namespace haft::internal {
namespace {

TEST(FreeListConceptTest, TheFreeListsOfHaftAreFreeLists) {
  EXPECT_TRUE(kIsFreeList<MagazineFreeList>);
  EXPECT_TRUE(kIsFreeList<BasicMagazineFreeList<1>>);
  EXPECT_TRUE(kIsFreeList<StripedFreeList>);
  EXPECT_TRUE(kIsFreeList<GlobalFreeList>);
}

TEST(FreeListConceptTest, OnlyMagazinesHavePopLoaded) {
  EXPECT_TRUE(kHasPopLoaded<MagazineFreeList>);
  EXPECT_FALSE(kHasPopLoaded<StripedFreeList>);
  EXPECT_FALSE(kHasPopLoaded<GlobalFreeList>);
}

// All members, as declarations only.
struct Whole {
  struct Cache {};
  static std::size_t SlotsFor(std::size_t, std::size_t) noexcept;
  Whole(std::size_t, std::size_t, FreshSlots*) noexcept;
  bool ok() const noexcept;
  template <typename Access>
  Word Pop(Access&) noexcept;
  template <typename Access>
  void Push(Access&, Word) noexcept;
  template <typename Access, typename F>
  std::size_t TakeRecycled(Access&, F&&) noexcept;
  std::size_t MostInHand() const noexcept;
  template <typename F>
  void ForEach(F&&) const;
  template <typename F>
  static void ForEachCached(const Cache&, unsigned, F&&);
  template <typename F>
  void Replace(F&&) noexcept;
  template <typename F>
  static void ReplaceCached(Cache&, unsigned, F&&) noexcept;
};
TEST(FreeListConceptTest, TheListedMembersAreSufficient) {
  EXPECT_TRUE(kIsFreeList<Whole>);
  EXPECT_FALSE(kHasPopLoaded<Whole>);
}

// Each lacks one member, because a member of the same name hides it, or has one
// of another type. (WithoutCache has a private one.)
class WithoutCache : public Whole {
 public:
  using Whole::Whole;

 private:
  struct Cache {};
};
struct WithConstructedCache : Whole {
  using Whole::Whole;
  struct Cache {
    int level = 1;
  };
};
struct WithFinalCache : Whole {
  using Whole::Whole;
  struct Cache final {};
};
struct WithoutSlotsFor : Whole {
  using Whole::Whole;
  int SlotsFor;
};
struct WithoutConstructor : Whole {};
struct WithoutOk : Whole {
  using Whole::Whole;
  int ok;
};
struct WithoutPop : Whole {
  using Whole::Whole;
  int Pop;
};
struct WithPopOfPointers : Whole {
  using Whole::Whole;
  template <typename Access>
  void* Pop(Access&) noexcept;
};
struct WithPopThatThrows : Whole {
  using Whole::Whole;
  template <typename Access>
  Word Pop(Access&);
};
struct WithPopForCachesOnly : Whole {
  using Whole::Whole;
  Word Pop(CachedAccess<Cache>&) noexcept;
};
struct WithoutPush : Whole {
  using Whole::Whole;
  int Push;
};
struct WithPushThatThrows : Whole {
  using Whole::Whole;
  template <typename Access>
  void Push(Access&, Word);
};
struct WithoutTakeRecycled : Whole {
  using Whole::Whole;
  int TakeRecycled;
};
struct WithTakeRecycledThatThrows : Whole {
  using Whole::Whole;
  template <typename Access, typename F>
  std::size_t TakeRecycled(Access&, F&&);
};
struct WithoutMostInHand : Whole {
  using Whole::Whole;
  int MostInHand;
};
struct WithoutForEach : Whole {
  using Whole::Whole;
  int ForEach;
};
struct WithoutForEachCached : Whole {
  using Whole::Whole;
  int ForEachCached;
};
struct WithoutReplace : Whole {
  using Whole::Whole;
  int Replace;
};
struct WithReplaceThatThrows : Whole {
  using Whole::Whole;
  template <typename F>
  void Replace(F&&);
};
struct WithoutReplaceCached : Whole {
  using Whole::Whole;
  int ReplaceCached;
};

template <typename L>
class IncompleteFreeListTest : public testing::Test {};
using IncompleteFreeLists =
    testing::Types<WithoutCache, WithConstructedCache, WithFinalCache,
                   WithoutSlotsFor, WithoutConstructor, WithoutOk, WithoutPop,
                   WithPopOfPointers, WithPopThatThrows, WithPopForCachesOnly,
                   WithoutPush, WithPushThatThrows, WithoutTakeRecycled,
                   WithTakeRecycledThatThrows, WithoutMostInHand,
                   WithoutForEach, WithoutForEachCached, WithoutReplace,
                   WithReplaceThatThrows, WithoutReplaceCached, int>;
TYPED_TEST_SUITE(IncompleteFreeListTest, IncompleteFreeLists);

TYPED_TEST(IncompleteFreeListTest, IsNoFreeList) {
  EXPECT_FALSE(kIsFreeList<TypeParam>);
}

}  // namespace
}  // namespace haft::internal
