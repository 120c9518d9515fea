// The fixture of object-table tests: objects that are counted, the ways to
// use one, and the table that each test starts with.

#ifndef TESTS_SUPPORT_OBJECT_TABLE_FIXTURE_H_
#define TESTS_SUPPORT_OBJECT_TABLE_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft::testing {

// How many objects of the tests' types have been constructed and destroyed.
inline std::atomic<int> constructed{0}, destroyed{0};

// An object that counts its lives, and reports use after destruction and double
// destruction.
class Tracked {
 public:
  explicit Tracked(int value) : value_(value) { ++constructed; }
  Tracked(Tracked&& other) noexcept : Tracked(other.value()) {
    other.value_ = -1;
  }
  ~Tracked() {
    EXPECT_EQ(canary_, kAlive) << "destroyed twice, or never constructed";
    canary_ = kDead;
    ++destroyed;
  }

  int value() const {
    EXPECT_EQ(canary_, kAlive) << "used after destruction";
    return value_;
  }

 private:
  static constexpr Word kAlive = 0x600dcafe, kDead = 0xdeadbeef;

  volatile Word canary_ = kAlive;
  int value_;
};

// Calls the function that it was given when it is destroyed.
struct Hooked {
  explicit Hooked(std::function<void()> f) : hook(std::move(f)) {}
  Hooked(Hooked&& other) noexcept : hook(std::exchange(other.hook, nullptr)) {}
  ~Hooked() {
    if (hook) hook();
  }
  std::function<void()> hook;
};

// A list of which each object owns the next.
struct Node {
  using Table = ObjectTable<Node>;
  Node(Table* owner, Handle following) : table(owner), next(following) {}
  ~Node() {
    ++destroyed;
    if (next != kNullHandle) {
      EXPECT_EQ(table->Delete(next), Status::kOk);
    }
  }
  Table* const table;
  const Handle next;
};

inline Handle MakeList(Node::Table* table, int length) {
  Handle head;
  for (int i = 0; i < length; ++i) head = table->Emplace(table, head);
  return head;
}

// Runs f in a thread of its own.
template <typename F>
void InThread(F f) {
  std::thread(f).join();
}
// The same in a thread without an index, which is always an uncached caller.
template <typename F>
void AsUncached(F f) {
  InThread([&] {
    internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    f();
  });
}

// I4: each slot that was ever taken is live, retired, free under its own next
// handle, or exhausted, and the counters agree. No other thread may be inside a
// call.
template <typename T, typename Traits>
void ExpectConservation(ObjectTable<T, Traits>& table) {
  std::size_t live = 0;
  table.ForEach([&](Handle handle, auto&) {
    ++live;
    EXPECT_EQ(table.Check(handle), Status::kOk);
  });
  std::size_t free = 0;
  std::set<Handle> distinct;
  internal::Inspector::ForEachFree(table, [&](Handle handle) {
    ++free;
    EXPECT_TRUE(distinct.insert(handle).second) << "free twice";
  });
  const ObjectTableStats stats = table.Stats();
  EXPECT_EQ(stats.live, live);
  EXPECT_EQ(stats.created - stats.deleted, live);
  EXPECT_EQ(live + stats.retired_objects + free + stats.exhausted_slots,
            stats.high_water);
}

// The ways in which a User uses an object.
enum class Use { kPin, kPinElsewhere, kScope, kScopeElsewhere, kUncachedPin };
inline constexpr Use kUses[] = {Use::kPin, Use::kPinElsewhere, Use::kScope,
                                Use::kScopeElsewhere, Use::kUncachedPin};

// Why a conditional delete is refused while an object is used in this way.
constexpr Status RefusalDuring(Use use) {
  return use == Use::kScope || use == Use::kScopeElsewhere ? Status::kScoped
                                                           : Status::kPinned;
}

// Keeps an object in use until End.
template <typename Table>
class User {
 public:
  User(Table& table, Handle handle, Use use) {
    if (use == Use::kPin) {
      pin_.emplace(table.Pin(handle));
      EXPECT_TRUE(*pin_);
    } else if (use == Use::kScope) {
      scope_.emplace(table);
      EXPECT_NE(scope_->Find(handle), nullptr);
    } else {
      std::promise<void> ready;
      thread_ = std::thread([&, handle, use] {
        if (use == Use::kUncachedPin)
          internal::sync::ThisThread().exited.store(true,
                                                    std::memory_order_relaxed);
        User user(table, handle,
                  use == Use::kScopeElsewhere ? Use::kScope : Use::kPin);
        std::future<void> end = end_.get_future();
        ready.set_value();
        end.wait();
      });
      ready.get_future().wait();
    }
  }
  ~User() { End(); }

  void End() {
    pin_.reset();
    scope_.reset();
    if (!thread_.joinable()) return;
    end_.set_value();
    thread_.join();
  }

 private:
  std::optional<typename Table::Pinned> pin_;
  std::optional<typename Table::ReadScope> scope_;
  std::promise<void> end_;
  std::thread thread_;
};

// A table of 100 objects. Each test must leave no retired object and destroy
// all that it constructs.
template <typename Traits>
class ObjectTableFixture : public ::testing::Test {
 protected:
  using Table = ObjectTable<Tracked, Traits>;

  ObjectTableFixture() { constructed = destroyed = 0; }
  ~ObjectTableFixture() override {
    if (table_ != nullptr) {
      ExpectConservation(*table_);
      EXPECT_EQ(table_->Stats().retired_objects, 0u);
    }
    table_.reset();
    EXPECT_EQ(constructed, destroyed);
  }

  std::unique_ptr<Table> table_ = Table::Create(100);
};

// Every free list, and both kinds of reclamation.
using ObjectTableTraits =
    ::testing::Types<TestTraits<MagazineFreeList>, TestTraits<GlobalFreeList>,
                     TestTraits<StripedFreeList>, CountedTraits>;

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_OBJECT_TABLE_FIXTURE_H_
