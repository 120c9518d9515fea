#include "haft/internal/process/intern_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace {

// The number of allocations that may still succeed; -1: all of them.
std::atomic<int> allocations_left{-1};

bool MayAllocate() {
  int left = allocations_left;
  while (left > 0 && !allocations_left.compare_exchange_weak(left, left - 1)) {
  }
  return left != 0;
}

}  // namespace

// Linked in place of malloc and calloc.
extern "C" void* __real_malloc(std::size_t size);
extern "C" void* __wrap_malloc(std::size_t size) {
  return MayAllocate() ? __real_malloc(size) : nullptr;
}
extern "C" void* __real_calloc(std::size_t count, std::size_t size);
extern "C" void* __wrap_calloc(std::size_t count, std::size_t size) {
  return MayAllocate() ? __real_calloc(count, size) : nullptr;
}

namespace haft {
namespace {

constexpr haft_type kType = {"type", "haft.test.type", nullptr, 0, 0};
constexpr haft_type kAlias = {"alias", "haft.test.type", nullptr, 0, 0};
constexpr haft_type kOther = {"other", nullptr, nullptr, 0, 0};

void Count(void* context) { ++*static_cast<std::atomic<int>*>(context); }
void Call(void* context) { (*static_cast<std::function<void()>*>(context))(); }

// All tests share it, because it is never destroyed; each leaves it empty.
internal::InternTable interned;

class InternTableTest : public ::testing::Test {
 protected:
  ~InternTableTest() override {
    interned.Collect();
    EXPECT_EQ(interned.size(), 0u);
  }

  Handle Intern(void* object, const haft_type* type = &kType) {
    return InternWith(object, type, &Count, &destroyed_);
  }
  Handle InternWith(void* object, const haft_type* type,
                    internal::AnyObject::Destroy destroy, void* context) {
    Handle handle = kNullHandle;
    EXPECT_EQ(interned.Intern(table_, object, type, destroy, context, &handle),
              Status::kOk);
    return handle;
  }
  Status Release(Handle handle) { return interned.Release(table_, handle); }
  void* Value(Handle handle) {
    void* object = nullptr;
    (void)internal::AnyValue(table_, handle, nullptr, &object);
    return object;
  }

  std::atomic<int> destroyed_{0};
  internal::AnyTable table_{60000};
  int object_ = 0;
};

TEST_F(InternTableTest, AnObjectHasOneHandleUntilTheLastRelease) {
  const Handle handle = Intern(&object_);
  ASSERT_NE(handle, kNullHandle);
  EXPECT_EQ(Value(handle), &object_);
  EXPECT_EQ(Intern(&object_), handle);
  EXPECT_EQ(Intern(&object_), handle);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Release(handle), Status::kOk);
    EXPECT_EQ(table_.Check(handle), Status::kOk);
    EXPECT_EQ(destroyed_, 0);
  }
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(table_.Check(handle), Status::kStale);
  EXPECT_EQ(destroyed_, 1);

  EXPECT_EQ(Release(handle), Status::kStale) << "too often";
  EXPECT_EQ(destroyed_, 1);
  const Handle next = Intern(&object_);
  EXPECT_NE(next, handle);
  EXPECT_EQ(Release(handle), Status::kStale);
  EXPECT_EQ(Release(next), Status::kOk) << "counted anew";
}

TEST_F(InternTableTest, ObjectsAtOneAddressAreToldApartByType) {
  const Handle handle = Intern(&object_);
  EXPECT_EQ(Intern(&object_, &kAlias), handle) << "the same identity";
  const Handle other = Intern(&object_, &kOther);
  EXPECT_NE(other, handle);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(table_.Check(handle), Status::kStale);
  EXPECT_EQ(Intern(&object_, &kOther), other);
  EXPECT_EQ(Release(other), Status::kOk);
  EXPECT_EQ(Release(other), Status::kOk);
  EXPECT_EQ(destroyed_, 2);
}

TEST_F(InternTableTest, TablesAreToldApart) {
  internal::AnyTable another(10);
  const Handle handle = Intern(&object_);
  Handle theirs = kNullHandle;
  ASSERT_EQ(
      interned.Intern(another, &object_, &kType, &Count, &destroyed_, &theirs),
      Status::kOk);
  EXPECT_NE(theirs, handle);
  EXPECT_EQ(Release(theirs), Status::kNeverIssued);
  EXPECT_EQ(interned.Release(another, handle), Status::kNeverIssued);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(another.Check(theirs), Status::kOk);
  EXPECT_EQ(interned.Release(another, theirs), Status::kOk);
}

TEST_F(InternTableTest, OnlyInternedHandlesAreReleased) {
  const Handle made = table_.Emplace(&object_, &kType, nullptr, nullptr);
  EXPECT_EQ(Release(made), Status::kInvalid);
  const Handle handle = Intern(&object_);
  EXPECT_NE(handle, made);
  EXPECT_EQ(Release(made), Status::kInvalid) << "although its object is";
  EXPECT_EQ(table_.Check(made), Status::kOk);
  EXPECT_EQ(Release(kNullHandle), Status::kNull);
  EXPECT_EQ(Release(Handle(2)), Status::kMalformed);
  EXPECT_EQ(Release(Handle(static_cast<Word>(handle) + (Word{1} << 30))),
            Status::kNeverIssued);
  EXPECT_EQ(table_.Delete(made), Status::kOk);
  EXPECT_EQ(Release(made), Status::kStale);
  EXPECT_EQ(table_.Check(handle), Status::kOk);
  EXPECT_EQ(Release(handle), Status::kOk);
}

TEST_F(InternTableTest, DeleteEndsItForAllAndCountsRestart) {
  const Handle deleted = Intern(&object_);
  EXPECT_EQ(Intern(&object_), deleted);
  EXPECT_EQ(table_.Delete(deleted), Status::kOk);
  EXPECT_EQ(destroyed_, 1);
  EXPECT_EQ(interned.Collect(), 1u);
  EXPECT_EQ(interned.size(), 0u) << "nothing is kept of it";
  EXPECT_EQ(Release(deleted), Status::kStale);
  const Handle next = Intern(&object_);
  EXPECT_NE(next, deleted);
  EXPECT_EQ(table_.Check(next), Status::kOk);
  EXPECT_EQ(Release(deleted), Status::kStale);
  EXPECT_EQ(Release(next), Status::kOk);
  EXPECT_EQ(table_.Check(next), Status::kStale);
}

TEST_F(InternTableTest, ADeletedObjectThatIsStillPinnedIsForgotten) {
  const Handle deleted = Intern(&object_);
  internal::AnyTable::Pinned pinned = table_.Pin(deleted);
  EXPECT_EQ(table_.Delete(deleted), Status::kOk);
  const Handle next = Intern(&object_);
  EXPECT_EQ(table_.Check(next), Status::kOk);
  EXPECT_EQ(interned.size(), 1u) << "the deleted one still counts";
  EXPECT_EQ(destroyed_, 0);
  pinned.Unpin();
  EXPECT_EQ(destroyed_, 1);
  EXPECT_EQ(Intern(&object_), next) << "not forgotten with the first";
  EXPECT_EQ(Release(next), Status::kOk);
  EXPECT_EQ(Release(next), Status::kOk);
  EXPECT_EQ(destroyed_, 2);
}

TEST_F(InternTableTest, LastReleaseOfAPinnedObjectLeavesItToTheUnpin) {
  const Handle handle = Intern(&object_);
  internal::AnyTable::Pinned pinned = table_.Pin(handle);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(interned.size(), 0u) << "a released handle counts no more";
  EXPECT_EQ(table_.Check(handle), Status::kStale);
  EXPECT_EQ(Release(handle), Status::kStale);
  EXPECT_EQ(destroyed_, 0);
  const Handle next = Intern(&object_);
  EXPECT_EQ(table_.Check(next), Status::kOk);
  pinned.Unpin();
  EXPECT_EQ(destroyed_, 1);
  EXPECT_EQ(table_.Check(next), Status::kOk);
  EXPECT_EQ(Release(next), Status::kOk);
}

TEST_F(InternTableTest, WithoutRoomForAPinTheLastReleaseChangesNothing) {
  using Base = ObjectTable<internal::AnyObject, internal::AnyTraits>;
  const Handle handle = Intern(&object_);
  std::vector<internal::AnyTable::Pinned> pins;
  for (unsigned n = 0; n <= internal::HazardCells::kCells; ++n)
    pins.push_back(table_.Pin(handle));
  internal::Inspector::SetCount(static_cast<Base&>(table_), handle,
                                ~std::uint32_t{0});
  EXPECT_EQ(Release(handle), Status::kOutOfMemory);
  EXPECT_EQ(table_.Check(handle), Status::kOk);
  internal::Inspector::SetCount(static_cast<Base&>(table_), handle, 1);
  pins.clear();
  EXPECT_EQ(Intern(&object_), handle);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(destroyed_, 0) << "still counted once";
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(destroyed_, 1);
}

TEST_F(InternTableTest, ATakenObjectIsForgottenAndNotDestroyed) {
  const Handle interned_one = Intern(&object_);
  const Handle made_one = table_.Emplace(&object_, &kType, &Count, &destroyed_);
  int expected = 0;
  for (const Handle handle : {interned_one, made_one}) {
    std::optional<internal::AnyObject> taken = table_.Take(handle);
    ASSERT_TRUE(taken.has_value());
    {
      const internal::AnyObject object =
          internal::InternTable::Forget(*std::move(taken));
      EXPECT_EQ(interned.Collect(), handle == interned_one ? 1u : 0u);
      EXPECT_EQ(interned.size(), 0u);
      EXPECT_EQ(object.object(), &object_);
      EXPECT_EQ(object.type(), &kType);
      EXPECT_EQ(object.destroy(), &Count);
      EXPECT_EQ(object.context(), &destroyed_);
      taken.reset();
      EXPECT_EQ(destroyed_, expected) << "what was taken has been moved from";
    }
    EXPECT_EQ(destroyed_, ++expected) << "by who has it now";
    EXPECT_EQ(Release(handle), Status::kStale);
  }
}

TEST_F(InternTableTest, ATakenObjectComesWithItsDestroyFunction) {
  for (const Handle handle :
       {Intern(&object_),
        table_.Emplace(&object_, &kType, &Count, &destroyed_)}) {
    internal::TakenObject taken{};
    EXPECT_EQ(internal::AnyTake(table_, handle, &kType,
                                &internal::InternTable::Forget, &taken),
              Status::kOk);
    EXPECT_EQ(taken.object, &object_);
    EXPECT_EQ(taken.destroy, &Count);
    EXPECT_EQ(taken.context, &destroyed_);
    EXPECT_EQ(destroyed_, 0);
    interned.Collect();
    EXPECT_EQ(interned.size(), 0u);
    internal::TakenObject untouched{};
    EXPECT_EQ(internal::AnyTake(table_, handle, &kType,
                                &internal::InternTable::Forget, &untouched),
              Status::kStale);
    EXPECT_EQ(untouched.object, nullptr);
  }
}

TEST_F(InternTableTest, FullTableGivesItsStatusAndLosesNothing) {
  const Handle handle = Intern(&object_);
  std::vector<Handle> others;
  for (;;) {
    const Handle other = table_.Emplace(nullptr, &kType, nullptr, nullptr);
    if (other == kNullHandle) break;
    others.push_back(other);
  }
  int another = 0;
  Handle untouched = Handle(7);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(interned.Intern(table_, &another, &kType, &Count, &destroyed_,
                              &untouched),
              Status::kFull);
  }
  EXPECT_EQ(untouched, Handle(7));
  EXPECT_EQ(destroyed_, 0);
  EXPECT_EQ(interned.size(), 1u);
  EXPECT_EQ(Intern(&object_), handle) << "needs no room";
  EXPECT_EQ(table_.Delete(others.back()), Status::kOk);
  const Handle late = Intern(&another);
  EXPECT_EQ(Value(late), &another);
  EXPECT_EQ(Release(late), Status::kOk);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(Release(handle), Status::kOk);
}

TEST_F(InternTableTest, WithoutMemoryNothingChanges) {
  const Handle handle = Intern(&object_);
  int another = 0;
  Handle untouched = Handle(7);
  allocations_left = 0;
  const Status status = interned.Intern(table_, &another, &kType, &Count,
                                        &destroyed_, &untouched);
  const Handle again = Intern(&object_);
  const Status released = Release(handle);
  allocations_left = -1;
  EXPECT_EQ(status, Status::kOutOfMemory);
  EXPECT_EQ(untouched, Handle(7));
  EXPECT_EQ(again, handle) << "needs no memory";
  EXPECT_EQ(released, Status::kOk);
  EXPECT_EQ(destroyed_, 0);
  EXPECT_EQ(interned.size(), 1u);
  EXPECT_EQ(Release(handle), Status::kOk);
}

// There is memory for entries, but never for buckets.
TEST_F(InternTableTest, WithoutMemoryForBucketsItStillWorks) {
  static internal::InternTable small;
  std::vector<int> objects(2000);
  std::vector<Handle> handles;
  for (int& object : objects) {
    allocations_left = 1;  // for the entry alone
    Handle handle = kNullHandle;
    EXPECT_EQ(small.Intern(table_, &object, &kType, nullptr, nullptr, &handle),
              Status::kOk);
    handles.push_back(handle);
  }
  allocations_left = -1;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    Handle handle = kNullHandle;
    EXPECT_EQ(
        small.Intern(table_, &objects[i], &kType, nullptr, nullptr, &handle),
        Status::kOk);
    EXPECT_EQ(handle, handles[i]);
  }
  for (int twice = 0; twice < 2; ++twice) {
    for (const Handle handle : handles)
      EXPECT_EQ(small.Release(table_, handle), Status::kOk);
  }
  EXPECT_EQ(small.size(), 0u);
}

TEST_F(InternTableTest, ManyObjectsKeepTheirHandles) {
  std::vector<int> objects(50000);
  std::vector<Handle> handles;
  for (int& object : objects) handles.push_back(Intern(&object));
  EXPECT_EQ(interned.size(), objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i)
    EXPECT_EQ(Intern(&objects[i]), handles[i]);
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(destroyed_, 0);
    for (const Handle handle : handles) EXPECT_EQ(Release(handle), Status::kOk);
  }
  EXPECT_EQ(destroyed_, 50000);
}

// Each of these calls would wait for itself forever if a mutex were held.
TEST_F(InternTableTest, DestroyMayInternAndReleaseTheSameObject) {
  Handle first = kNullHandle;
  int runs = 0;
  std::function<void()> destroy = [&] {
    ++runs;
    EXPECT_EQ(table_.Check(first), Status::kStale);
    EXPECT_EQ(Release(first), Status::kStale);
    const Handle inner = Intern(&object_);
    EXPECT_NE(inner, first);
    EXPECT_EQ(table_.Check(inner), Status::kOk);
    EXPECT_EQ(Release(inner), Status::kOk);
  };
  const auto intern = [&] {
    first = InternWith(&object_, &kType, &Call, &destroy);
  };

  intern();
  EXPECT_EQ(Release(first), Status::kOk);
  EXPECT_EQ(runs, 1) << "before Release returns";
  intern();
  EXPECT_EQ(table_.Delete(first), Status::kOk);
  EXPECT_EQ(runs, 2);
  intern();
  {
    const internal::AnyTable::Pinned pinned = table_.Pin(first);
    EXPECT_EQ(Release(first), Status::kOk);
    EXPECT_EQ(runs, 2);
  }
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(destroyed_, 3);
}

TEST_F(InternTableTest, DestroyingTheTableEndsItsInternedObjects) {
  auto table = std::make_unique<internal::AnyTable>(100);
  internal::AnyTable* const address = table.get();
  Handle handle = kNullHandle;
  int another = 0;
  std::function<void()> destroy = [&] {
    ++destroyed_;
    Handle late;  // created while the table is destroyed
    EXPECT_EQ(
        interned.Intern(*address, &another, &kType, &Count, &destroyed_, &late),
        Status::kOk);
  };
  ASSERT_EQ(interned.Intern(*table, &object_, &kType, &Call, &destroy, &handle),
            Status::kOk);
  table.reset();
  EXPECT_EQ(destroyed_, 2);
}

// The entries of a table must not be taken for those of another one at the same
// address, in which the same words may be handles.
TEST_F(InternTableTest, ATableAtTheAddressOfAnotherOneInheritsNothing) {
  std::optional<internal::AnyTable> table(100);
  for (int round = 0; round < 100; ++round) {
    Handle handle = kNullHandle, again = kNullHandle;
    for (Handle* const each : {&handle, &again}) {
      ASSERT_EQ(
          interned.Intern(*table, &object_, &kType, &Count, &destroyed_, each),
          Status::kOk);
    }
    EXPECT_EQ(again, handle);
    EXPECT_EQ(table->Stats().live, 1u);
    EXPECT_EQ(interned.size(), 1u) << "the one of the table before is gone";
    table.emplace(100);
    EXPECT_EQ(destroyed_, round + 1);
  }
}

// Intern and Release free the entries of their shard.
TEST_F(InternTableTest, EndedEntriesArePassedOnToTheNextCall) {
  const Handle released = Intern(&object_, &kOther);
  for (int i = 0; i < 3; ++i) {
    const Handle handle = Intern(&object_);
    EXPECT_EQ(table_.Delete(handle), Status::kOk);
    EXPECT_EQ(interned.size(), 2u);
    EXPECT_EQ(Intern(&object_, &kOther), released);
    EXPECT_EQ(interned.size(), 1u);
    EXPECT_EQ(table_.Delete(Intern(&object_)), Status::kOk);
    EXPECT_EQ(Release(released), Status::kOk);
    EXPECT_EQ(interned.size(), 1u);
    EXPECT_EQ(interned.Collect(), 0u) << "all has been freed";
  }
  EXPECT_EQ(Release(released), Status::kOk);
  EXPECT_EQ(interned.Collect(), 1u);
}

// Compares random sequences with a std::map.
TEST_F(InternTableTest, RandomSequencesCountAsAMapDoes) {
  struct Interned {
    Handle handle;
    int count;
  };
  constexpr int kObjects = 6;
  char objects[kObjects];
  const haft_type* const types[] = {&kType, &kOther};
  std::map<std::pair<int, int>, Interned> live;
  std::vector<Handle> known = {kNullHandle};
  std::vector<internal::AnyTable::Pinned> pins;
  std::minstd_rand random(1);
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(random() >> 8) % n;
  };
  int ended = 0, taken_back = 0;
  const int kOperations = testing::kSanitized ? 50000 : 500000;
  for (int i = 0; i < kOperations; ++i) {
    const std::size_t kind = below(16);
    if (kind < 7) {
      const int object = static_cast<int>(below(kObjects));
      const std::pair<int, int> key(object, static_cast<int>(below(2)));
      const Handle handle = Intern(&objects[key.first], types[key.second]);
      const auto [place, is_new] = live.try_emplace(key, Interned{handle, 1});
      if (is_new) {
        ASSERT_EQ(std::count(known.begin(), known.end(), handle), 0);
        known.push_back(handle);
        if (known.size() > 60) known.erase(known.begin());
      } else {
        ASSERT_EQ(handle, place->second.handle);
        ++place->second.count;
      }
      continue;
    }
    if (kind == 7) {
      if (pins.size() > 3) pins.clear();
      pins.push_back(table_.Pin(known[below(known.size())]));
      continue;
    }
    const Handle handle =
        !live.empty() && below(2) == 0
            ? std::next(live.begin(), static_cast<int>(below(live.size())))
                  ->second.handle
            : known[below(known.size())];
    const auto found = std::find_if(
        live.begin(), live.end(),
        [&](const auto& each) { return each.second.handle == handle; });
    const bool is_pinned = std::any_of(
        pins.begin(), pins.end(),
        [&](const auto& pin) { return pin && pin.handle() == handle; });
    Status expected = found != live.end()     ? Status::kOk
                      : handle == kNullHandle ? Status::kNull
                                              : Status::kStale;
    if (kind < 14) {
      ASSERT_EQ(Release(handle), expected);
      if (expected == Status::kOk && --found->second.count == 0) {
        live.erase(found);
        ++ended;
      }
    } else if (kind == 14) {
      ASSERT_EQ(table_.Delete(handle), expected);
      if (expected == Status::kOk) {
        live.erase(found);
        ++ended;
      }
    } else {
      if (expected == Status::kOk && is_pinned) expected = Status::kPinned;
      Status status;
      if (std::optional<internal::AnyObject> taken =
              table_.Take(handle, &status)) {
        internal::InternTable::Forget(*std::move(taken)).Release();
        live.erase(found);
        ++taken_back;
      }
      ASSERT_EQ(status, expected);
    }
  }
  pins.clear();
  interned.Collect();
  EXPECT_EQ(interned.size(), live.size());
  EXPECT_EQ(destroyed_, ended);
  EXPECT_GT(ended, kOperations / 100);
  EXPECT_GT(taken_back, kOperations / 1000);
  for (auto& [key, each] : live) {
    for (; each.count > 0; --each.count)
      EXPECT_EQ(Release(each.handle), Status::kOk);
    EXPECT_EQ(Release(each.handle), Status::kStale);
  }
}

constexpr unsigned kThreads = 4;
constexpr int kRounds = testing::kSanitized ? 5000 : 100000;

// If a thread gets another handle than before, the one before must have ended,
// because an object never has two. Some last releases find the object pinned.
TEST_F(InternTableTest, RacingThreadsNeverSeeTwoLiveHandles) {
  testing::Barrier start(kThreads);
  testing::RunThreads(kThreads, [&](unsigned t) {
    start.Wait();
    Handle before = kNullHandle;
    for (int i = 0; i < kRounds; ++i) {
      const Handle handle = Intern(&object_);
      if (handle != before && before != kNullHandle) {
        EXPECT_EQ(table_.Check(before), Status::kStale);
      }
      EXPECT_EQ(Value(handle), &object_);
      internal::AnyTable::Pinned pinned =
          internal::AnyTable::Pinned::Attach({});
      if (t % 2 == 1) {
        pinned = table_.Pin(handle);
        EXPECT_TRUE(pinned);
      } else {
        EXPECT_EQ(Intern(&object_), handle) << "while it holds the first";
        EXPECT_EQ(Release(handle), Status::kOk);
      }
      EXPECT_EQ(table_.Check(handle), Status::kOk) << "one is left";
      EXPECT_EQ(Release(handle), Status::kOk);
      before = handle;
    }
  });
  const auto stats = table_.Stats();
  EXPECT_EQ(stats.live, 0u);
  EXPECT_EQ(stats.retired_objects, 0u);
  EXPECT_EQ(static_cast<std::uint64_t>(destroyed_), stats.created);
}

TEST_F(InternTableTest, RacingThreadsWithPinsAndDeletesLoseNothing) {
  constexpr int kObjects = 3;
  char objects[kObjects];
  testing::Barrier start(kThreads);
  testing::RunThreads(kThreads, [&](unsigned t) {
    std::minstd_rand random(t + 1);
    start.Wait();
    for (int i = 0; i < kRounds; ++i) {
      char* const object = &objects[(random() >> 8) % kObjects];
      const Handle handle = Intern(object);
      internal::AnyTable::Pinned pinned =
          internal::AnyTable::Pinned::Attach({});
      const unsigned kind = (random() >> 8) % 8;
      if (kind < 3) {
        pinned = table_.Pin(handle);
        if (pinned) {
          EXPECT_EQ(pinned->object(), object);
        } else {
          EXPECT_EQ(pinned.status(), Status::kStale);
        }
      }
      const Status status = kind == 7 ? table_.Delete(handle) : Release(handle);
      EXPECT_TRUE(status == Status::kOk || status == Status::kStale)
          << static_cast<int>(status);
    }
  });
  // Each handle was released as often as it was interned, or deleted, unless it
  // had ended.
  const auto stats = table_.Stats();
  EXPECT_EQ(stats.live, 0u);
  EXPECT_EQ(stats.retired_objects, 0u);
  EXPECT_EQ(static_cast<std::uint64_t>(destroyed_), stats.created);
}

// Buckets grow under threads that look for other objects.
TEST_F(InternTableTest, RacingThreadsGrowTheBuckets) {
  static internal::InternTable empty;
  constexpr int kObjects = 10000;
  std::vector<int> objects(kObjects);
  std::vector<std::vector<Handle>> handles(kThreads);
  testing::Barrier start(kThreads);
  testing::RunThreads(kThreads, [&](unsigned t) {
    start.Wait();
    for (int& object : objects) {
      Handle handle = kNullHandle;
      EXPECT_EQ(
          empty.Intern(table_, &object, &kType, &Count, &destroyed_, &handle),
          Status::kOk);
      handles[t].push_back(handle);
    }
  });
  for (unsigned t = 1; t < kThreads; ++t) EXPECT_EQ(handles[t], handles[0]);
  EXPECT_EQ(empty.size(), static_cast<std::size_t>(kObjects));
  testing::RunThreads(kThreads, [&](unsigned t) {
    for (const Handle handle : handles[t])
      EXPECT_EQ(empty.Release(table_, handle), Status::kOk);
  });
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_EQ(destroyed_, kObjects);
}

}  // namespace
}  // namespace haft
