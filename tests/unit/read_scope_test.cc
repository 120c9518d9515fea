#include "haft/read_scope.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "tests/support/object_table_fixture.h"

namespace haft {
namespace {

using testing::AsUncached;
using testing::constructed;
using testing::destroyed;
using testing::Hooked;
using testing::InThread;
using testing::Tracked;
using testing::Use;
using testing::User;

using HookedTable = ObjectTable<Hooked>;

template <typename Traits>
class ReadScopeTest : public testing::ObjectTableFixture<Traits> {};
TYPED_TEST_SUITE(ReadScopeTest, testing::ObjectTableTraits);

TYPED_TEST(ReadScopeTest, ScopeHoldsWhatItFinds) {
  auto& table = *this->table_;
  using Scope = typename TestFixture::Table::ReadScope;
  const Handle a = table.Emplace(1), b = table.Emplace(2);
  {
    Scope outer(table);
    Tracked* const found = outer.Find(a);
    ASSERT_NE(found, nullptr);
    {
      Scope inner(table);
      EXPECT_EQ(inner.Find(a), found);
      EXPECT_EQ(table.Delete(a), Status::kOk);
      EXPECT_EQ(inner.Find(a), nullptr);
      InThread([&] { EXPECT_EQ(table.Delete(b), Status::kOk); });
    }
    EXPECT_EQ(outer.Find(a), nullptr);
    EXPECT_EQ(found->value(), 1);
    EXPECT_EQ(table.Stats().retired_objects, 1u);
    EXPECT_EQ(destroyed, 1)
        << "a scope keeps nothing that its thread has not used";
  }
  EXPECT_EQ(destroyed, 2);
}

TYPED_TEST(ReadScopeTest, ScopeDoesNotHoldTheObjectAfterTheOneItAskedFor) {
  auto& table = *this->table_;
  using Index = typename TypeParam::Layout::Index;
  const Handle stale = table.Emplace(1);
  ASSERT_EQ(table.Delete(stale), Status::kOk);
  const Handle live = table.Emplace(2);
  ASSERT_EQ(Index::Decode(static_cast<Word>(live)),
            Index::Decode(static_cast<Word>(stale)));
  typename TestFixture::Table::ReadScope scope(table);
  EXPECT_EQ(scope.Find(stale), nullptr);
  EXPECT_EQ(table.Delete(live), Status::kOk);
  EXPECT_EQ(destroyed, 2);
}

TYPED_TEST(ReadScopeTest, LaterOfTwoScopesDestroys) {
  auto& table = *this->table_;
  using Table = typename TestFixture::Table;
  for (const bool mine_first : {true, false}) {
    destroyed = 0;
    const Handle handle = table.Emplace(1);
    std::optional<typename Table::ReadScope> mine(std::in_place, table);
    EXPECT_NE(mine->Find(handle), nullptr);
    User<Table> other(table, handle, Use::kScopeElsewhere);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    // This scope began too late to hold the object.
    const Handle live = table.Emplace(2);
    User<Table> late(table, live, Use::kScopeElsewhere);
    EXPECT_EQ(destroyed, 0);
    mine_first ? mine.reset() : other.End();
    EXPECT_EQ(destroyed, 0);
    mine_first ? other.End() : mine.reset();
    EXPECT_EQ(destroyed, 1);
    late.End();
    EXPECT_EQ(table.Delete(live), Status::kOk);
  }
  constructed = destroyed = 0;
}

TYPED_TEST(ReadScopeTest, PinAndScopeTogether) {
  auto& table = *this->table_;
  using Table = typename TestFixture::Table;
  for (const Use pin_use : {Use::kPin, Use::kPinElsewhere, Use::kUncachedPin}) {
    for (const Use scope_use : {Use::kScope, Use::kScopeElsewhere}) {
      for (const bool pin_first : {true, false}) {
        destroyed = 0;
        const Handle handle = table.Emplace(1);
        User<Table> pin(table, handle, pin_use);
        User<Table> scope(table, handle, scope_use);
        EXPECT_EQ(table.Delete(handle), Status::kOk);
        (pin_first ? pin : scope).End();
        EXPECT_EQ(destroyed, 0);
        EXPECT_EQ(table.Stats().retired_objects, 1u);
        (pin_first ? scope : pin).End();
        EXPECT_EQ(destroyed, 1);
      }
    }
  }
  constructed = destroyed = 0;
}

TYPED_TEST(ReadScopeTest, HandleBeyondTheSlotsIsNeverOneOfADeferredObject) {
  auto& table = *this->table_;
  using Layout = typename TypeParam::Layout;
  const Handle handle = table.Emplace(1);
  const Handle beyond(static_cast<Word>(handle) ^
                      Layout::Index::Encode(Layout::kSlots / 2));
  {
    typename TestFixture::Table::ReadScope scope(table);
    ASSERT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(table.Check(beyond), Status::kNeverIssued);
    EXPECT_EQ(scope.Find(beyond), nullptr);
  }
  EXPECT_EQ(destroyed, 1);
}

// A thread that ends its scope retries what was deferred to that scope, and
// nothing of a later one, which would make it wait for that one.
TEST(ReadScopeOrderTest, EndingAScopeDoesNotWaitForALaterOne) {
  HookedTable table(10);
  std::promise<void> later_began, ended;
  std::thread later;
  bool in_time = false;
  const Handle y = table.Emplace(nullptr);
  // The uncached caller whose scope has ended destroys it.
  const Handle x = table.Emplace([&] {
    later = std::thread([&] {
      internal::sync::ThisThread().exited.store(true,
                                                std::memory_order_relaxed);
      HookedTable::ReadScope scope(table);
      EXPECT_NE(scope.Find(y), nullptr);
      EXPECT_EQ(table.Delete(y), Status::kOk);
      later_began.set_value();
      in_time = ended.get_future().wait_for(std::chrono::seconds(1)) ==
                std::future_status::ready;
    });
    later_began.get_future().wait();
  });
  AsUncached([&] {
    {
      HookedTable::ReadScope scope(table);
      EXPECT_NE(scope.Find(x), nullptr);
      EXPECT_EQ(table.Delete(x), Status::kOk);
    }
    ended.set_value();
  });
  later.join();
  EXPECT_TRUE(in_time) << "waited for another thread's scope";
  EXPECT_EQ(table.Stats().retired_objects, 0u);
}

}  // namespace
}  // namespace haft
