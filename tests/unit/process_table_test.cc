#include "haft/process_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace haft {

struct WithIdentity {
  char text[12];
};
template <>
inline constexpr const char* kTypeIdentity<WithIdentity> = "test.Identity/1";

namespace {

// Reports its destruction.
class Tracked {
 public:
  explicit Tracked(int* destroyed) : destroyed_(destroyed) {}
  Tracked(Tracked&& other) noexcept
      : destroyed_(std::exchange(other.destroyed_, nullptr)) {}
  ~Tracked() {
    if (destroyed_ != nullptr) ++*destroyed_;
  }

 private:
  int* destroyed_;
};

struct Base {
  virtual ~Base() = default;
};
struct Derived : Base {};

// Before the other tests, of which those with this kind of name come first: a
// child of a process with a table has one as well.
TEST(ProcessTableLimitsDeathTest, AFullTableLeavesAnOwnerItsObject) {
  testing::InChild([] {
    setenv("HAFT_CAPACITY", "2", 1);
    Status why = Status::kOk;
    int object = 0, made = 0;
    while (New(&object, &why) != kNullHandle) ASSERT_LT(++made, 1000000);
    EXPECT_EQ(why, Status::kFull);
    int destroyed = 0;
    auto with_default = std::make_unique<Tracked>(&destroyed);
    EXPECT_EQ(New(std::move(with_default), &why), kNullHandle);
    EXPECT_NE(with_default, nullptr);
    const auto destroy = [](Tracked* tracked) { delete tracked; };
    std::unique_ptr<Tracked, void (*)(Tracked*)> with_another(
        new Tracked(&destroyed), destroy);
    EXPECT_EQ(New(std::move(with_another), &why), kNullHandle);
    EXPECT_NE(with_another, nullptr);
    const auto shared = std::make_shared<Tracked>(&destroyed);
    EXPECT_EQ(New(shared, &why), kNullHandle);
    EXPECT_EQ(shared.use_count(), 1);
    EXPECT_EQ(destroyed, 0);
    EXPECT_EQ(Intern(&object, &why), kNullHandle);
    EXPECT_EQ(why, Status::kFull);
  });
}

TEST(ProcessTableLimitsDeathTest, WithoutMemoryNothingIsMadeAndNothingLost) {
  if (testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  testing::InChild([] {
    int destroyed = 0;
    std::unique_ptr<Tracked, void (*)(Tracked*)> unique(
        new Tracked(&destroyed), [](Tracked* tracked) { delete tracked; });
    const auto shared = std::make_shared<Tracked>(&destroyed);
    auto in_scope = std::make_unique<Tracked>(&destroyed);
    const Handle handle = New(1);
    HandleScope scope;
    EXPECT_TRUE(scope.Add(handle));
    EXPECT_EQ(scope.Escape(handle), Status::kOk);
    HandleScope empty;
    testing::TakeAllMemory();
    const auto is_refused = [](auto make) {
      Status why = Status::kOk;
      EXPECT_EQ(make(&why), kNullHandle);
      EXPECT_EQ(why, Status::kOutOfMemory);
    };
    is_refused([](Status* why) { return New(7, why); });
    is_refused([&](Status* why) { return New(std::move(unique), why); });
    is_refused([&](Status* why) { return New(shared, why); });
    is_refused(
        [&](Status* why) { return empty.New(std::move(in_scope), why); });
    EXPECT_FALSE(empty.Add(handle));
    EXPECT_NE(unique, nullptr);
    EXPECT_NE(in_scope, nullptr);
    EXPECT_EQ(shared.use_count(), 1);
    EXPECT_EQ(destroyed, 0);
  });
}

TEST(ProcessTableTest, OwnsAValue) {
  int destroyed = 0;
  const Handle handle = New(Tracked(&destroyed));
  ASSERT_NE(handle, kNullHandle);
  EXPECT_EQ(destroyed, 0);
  EXPECT_NE(Value<Tracked>(handle), nullptr);
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(Delete(handle), Status::kStale);
}

TEST(ProcessTableTest, OwnsACopyOfAnLvalue) {
  std::string text = "haft";
  const Handle handle = New(text);
  text = "changed";
  EXPECT_EQ(*Value<std::string>(handle), "haft");
  EXPECT_EQ(Delete<std::string>(handle), Status::kOk);
}

TEST(ProcessTableTest, OwnsTheObjectOfAUniquePointer) {
  int destroyed = 0;
  auto object = std::make_unique<Tracked>(&destroyed);
  Tracked* const address = object.get();
  const Handle handle = New(std::move(object));
  EXPECT_EQ(object, nullptr);
  EXPECT_EQ(Value<Tracked>(handle), address);
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessTableTest, SharesASharedPointer) {
  int destroyed = 0;
  auto object = std::make_shared<Tracked>(&destroyed);
  const Handle handle = New(object);
  EXPECT_EQ(object.use_count(), 2);
  EXPECT_EQ(Value<Tracked>(handle), object.get());
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(object.use_count(), 1);
  EXPECT_EQ(destroyed, 0);
}

TEST(ProcessTableTest, OwnsAUniquePointersDeleter) {
  struct CountingDeleter {
    int* deleted;
    void operator()(int* object) const {
      ++*deleted;
      delete object;
    }
  };
  int deleted = 0;
  std::unique_ptr<int, CountingDeleter> object(new int(3), {&deleted});
  int* const address = object.get();
  const Handle handle = New(std::move(object));
  EXPECT_EQ(object, nullptr);
  EXPECT_EQ(Value<int>(handle), address);
  EXPECT_EQ(Delete<int>(handle), Status::kOk);
  EXPECT_EQ(deleted, 1);

  const Handle file = New(std::unique_ptr<std::FILE, int (*)(std::FILE*)>(
      std::tmpfile(), &std::fclose));
  EXPECT_NE(Value<std::FILE>(file), nullptr);
  EXPECT_EQ(Delete(file), Status::kOk);

  const Handle array = New(std::make_unique<int[]>(5));
  EXPECT_NE(Value<int>(array), nullptr);
  EXPECT_EQ(Delete(array), Status::kOk);
}

TEST(ProcessTableTest, DescriptorsSayWhatIsKnownOfAType) {
  EXPECT_STREQ(TypeOf<int>()->name, "int");
  static_assert(internal::TypeName<int>::kText.size() == sizeof("int"));
  EXPECT_EQ(TypeOf<int>()->identity, nullptr);
  EXPECT_EQ(TypeOf<int>()->size, sizeof(int));
  EXPECT_EQ(TypeOf<int>()->alignment, alignof(int));
  EXPECT_EQ(TypeOf<struct NeverDefined>()->size, 0u);
  EXPECT_EQ(TypeOf<struct NeverDefined>()->alignment, 0u);
  EXPECT_EQ(TypeOf<void>()->size, 0u);
  EXPECT_STREQ(TypeOf<WithIdentity>()->identity, "test.Identity/1");
  EXPECT_EQ(TypeOf<WithIdentity>()->size, 12u);
  EXPECT_EQ(TypeOf<WithIdentity>()->alignment, 1u);
}

TEST(ProcessTableTest, TypesMayBeIncomplete) {
  // Most types of C libraries are incomplete.
  struct Opaque;
  char memory;
  Opaque* const object = reinterpret_cast<Opaque*>(&memory);
  const Handle handle = New(object);
  EXPECT_EQ(Value<Opaque>(handle), object);
  EXPECT_EQ(Delete<Opaque>(handle), Status::kOk);
  static Opaque* closed;
  const Handle owner = New(std::unique_ptr<Opaque, void (*)(Opaque*)>(
      object, [](Opaque* closes) { closed = closes; }));
  EXPECT_EQ(Pin<Opaque>(owner).get(), object);
  EXPECT_EQ(Delete(owner), Status::kOk);
  EXPECT_EQ(closed, object);
}

TEST(ProcessTableTest, BorrowsAPointer) {
  int destroyed = 0;
  Tracked object(&destroyed);
  const Handle handle = New(&object);
  EXPECT_EQ(Value<Tracked>(handle), &object);
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(destroyed, 0);
}

TEST(ProcessTableTest, SameObjectTwiceIsTwoHandles) {
  int object = 1;
  const Handle a = New(&object), b = New(&object);
  EXPECT_NE(a, b);
  EXPECT_EQ(Delete(a), Status::kOk);
  EXPECT_EQ(Value<int>(b), &object);
  EXPECT_EQ(Delete(b), Status::kOk);
}

TEST(ProcessTableTest, InternedObjectHasOneHandleUntilTheLastRelease) {
  int destroyed = 0;
  Tracked object(&destroyed);
  const Tracked& same = object;
  Status why = Status::kInvalid;
  const Handle handle = Intern(&object, &why);
  EXPECT_EQ(why, Status::kOk);
  EXPECT_EQ(Intern(&same), handle);
  EXPECT_EQ(Value<Tracked>(handle), &object);
  const Handle made = New(&object);
  EXPECT_NE(made, handle);
  EXPECT_EQ(Release(made), Status::kInvalid);
  EXPECT_EQ(Delete(made), Status::kOk);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(Check(handle), Status::kOk);
  EXPECT_EQ(Release(handle), Status::kOk);
  EXPECT_EQ(Release(handle), Status::kStale);
  EXPECT_EQ(destroyed, 0) << "borrowed";
  EXPECT_EQ(Intern(static_cast<Tracked*>(nullptr), &why), kNullHandle);
  EXPECT_EQ(why, Status::kInvalid);
}

TEST(ProcessTableTest, FirstMemberHasAnotherHandleThanItsObject) {
  struct Member {};
  struct Whole {
    Member first;
  } whole;
  const Handle outer = Intern(&whole), inner = Intern(&whole.first);
  EXPECT_NE(outer, inner);
  EXPECT_EQ(Value<Whole>(outer), &whole);
  EXPECT_EQ(Value<Member>(inner), &whole.first);
  EXPECT_EQ(Value<Whole>(inner), nullptr);
  EXPECT_EQ(Release(outer), Status::kOk);
  EXPECT_EQ(Check<Member>(inner), Status::kOk);
  EXPECT_EQ(Release(inner), Status::kOk);
}

// Knows its handle, and deletes it when it is destroyed.
class SelfMade {
 public:
  SelfMade() : handle_(Intern(this)) {}
  ~SelfMade() { (void)Delete(handle_); }
  Handle handle() const { return handle_; }

 private:
  const Handle handle_;
};

TEST(ProcessTableTest, HandleIsWeak) {
  auto object = std::make_unique<SelfMade>();
  const Handle handle = object->handle();
  EXPECT_EQ(Intern(object.get()), handle) << "for some callback, say";
  EXPECT_EQ(Value<SelfMade>(handle), object.get());
  object.reset();
  Status why;
  EXPECT_EQ(Value<SelfMade>(handle, &why), nullptr);
  EXPECT_EQ(why, Status::kStale) << "although it was never released";
  EXPECT_EQ(Pin<SelfMade>(handle).status(), Status::kStale);
  EXPECT_EQ(Release(handle), Status::kStale);
}

TEST(ProcessTableTest, WrongTypeIsItsOwnStatusAndChangesNothing) {
  const Handle handle = New(7);
  Status why;
  EXPECT_EQ(Value<long>(handle, &why), nullptr);
  EXPECT_EQ(why, Status::kWrongType);
  EXPECT_EQ(Pin<long>(handle).status(), Status::kWrongType);
  EXPECT_EQ(Check<long>(handle), Status::kWrongType);
  EXPECT_EQ(Delete<long>(handle), Status::kWrongType);
  EXPECT_EQ(Check<int>(handle), Status::kOk);
  EXPECT_EQ(*Value<const int>(handle), 7);
  EXPECT_EQ(Delete<int>(handle), Status::kOk);
}

TEST(ProcessTableTest, DerivedIsNotBase) {
  const Handle handle = New(std::make_unique<Derived>());
  EXPECT_EQ(Check<Base>(handle), Status::kWrongType);
  EXPECT_EQ(Delete(handle), Status::kOk);
  const Handle base = New(std::unique_ptr<Base>(new Derived));
  EXPECT_EQ(Check<Base>(base), Status::kOk);
  EXPECT_EQ(Delete(base), Status::kOk);
}

TEST(ProcessTableTest, BadHandlesHaveTheirStatus) {
  const Handle handle = New(1);
  EXPECT_EQ(Delete(handle), Status::kOk);
  Status why;
  EXPECT_EQ(Value<int>(handle, &why), nullptr);
  EXPECT_EQ(why, Status::kStale);
  EXPECT_EQ(Value<int>(kNullHandle, &why), nullptr);
  EXPECT_EQ(why, Status::kNull);
  EXPECT_EQ(Value<int>(Handle(12), &why), nullptr);
  EXPECT_EQ(why, Status::kMalformed);
  EXPECT_EQ(Check<int>(Handle(static_cast<Word>(handle) + (Word{1} << 30))),
            Status::kNeverIssued);
  EXPECT_EQ(Pin<int>(handle).status(), Status::kStale);
}

TEST(ProcessTableTest, PinOutlivesDeletionAndMoves) {
  int destroyed = 0;
  const Handle handle = New(Tracked(&destroyed));
  Pinned<Tracked> pinned = Pin<Tracked>(handle);
  ASSERT_TRUE(pinned);
  EXPECT_EQ(DeleteUnlessPinned(handle), Status::kPinned);
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(DeleteAndWait(handle, std::chrono::seconds(0)), Status::kStale);
  std::thread([pinned = std::move(pinned), &destroyed] {
    EXPECT_EQ(destroyed, 0);
  }).join();
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessTableTest, AnAssignedPinEndsAndTheOtherOneMoves) {
  int destroyed = 0, replaced = 0;
  const Handle handle = New(Tracked(&destroyed));
  const Handle other = New(Tracked(&replaced));
  Pinned<Tracked> from = Pin<Tracked>(handle), to = Pin<Tracked>(other);
  Tracked* const object = from.get();
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(Delete(other), Status::kOk);
  EXPECT_EQ(replaced, 0);
  to = std::move(from);
  EXPECT_EQ(replaced, 1);
  EXPECT_EQ(to.get(), object);
  EXPECT_EQ(to.status(), Status::kOk);
  // NOLINTNEXTLINE(bugprone-use-after-move): it holds nothing.
  EXPECT_EQ(from.get(), nullptr);
  EXPECT_EQ(from.status(), Status::kNull);
  Pinned<Tracked>& same = to;
  to = std::move(same);
  EXPECT_EQ(to.get(), object);
  EXPECT_EQ(destroyed, 0);
  Pinned<Tracked> last(std::move(to));
  // NOLINTNEXTLINE(bugprone-use-after-move): it holds nothing.
  EXPECT_EQ(to.get(), nullptr);
  EXPECT_EQ(to.status(), Status::kNull);
  haft_pin pin = last.Detach();
  EXPECT_EQ(last.get(), nullptr);
  EXPECT_EQ(last.status(), Status::kNull);
  EXPECT_EQ(destroyed, 0);
  haft_unpin(&pin);
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessTableTest, DeleteAndWaitForLessThanNoTimeDoesNotWait) {
  for (const std::chrono::nanoseconds timeout :
       {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1),
        std::chrono::nanoseconds::min()}) {
    const Handle handle = New(7);
    const Pinned<int> pinned = Pin<int>(handle);
    EXPECT_EQ(DeleteAndWait(handle, timeout), Status::kTimedOut);
  }
  std::thread deleter;
  std::atomic<bool> is_deleted{false};
  {
    const Handle handle = New(7);
    const Pinned<int> pinned = Pin<int>(handle);
    deleter = std::thread([&, handle] {
      EXPECT_EQ(DeleteAndWait(handle, std::chrono::hours(1)), Status::kOk);
      is_deleted = true;
    });
    while (Check(handle) == Status::kOk) std::this_thread::yield();
    EXPECT_FALSE(is_deleted);
  }
  deleter.join();
}

TEST(ProcessTableTest, ATakenObjectIsOwnedAsItWas) {
  int destroyed = 0;
  Tracked borrowed(&destroyed);
  const auto shared = std::make_shared<Tracked>(&destroyed);
  struct {
    Handle handle;
    int destroyed;
  } const cases[] = {
      {New(Tracked(&destroyed)), 1},
      {New(std::make_unique<Tracked>(&destroyed)), 2},
      {New(shared), 2},
      {New(&borrowed), 2},
      {Intern(&borrowed), 2},
  };
  EXPECT_EQ(shared.use_count(), 2);
  int expected = 0;
  for (const auto& each : cases) {
    Tracked* const object = Value<Tracked>(each.handle);
    Status why = Status::kInvalid;
    {
      const Taken<Tracked> taken = Take<Tracked>(each.handle, &why);
      EXPECT_EQ(why, Status::kOk);
      EXPECT_EQ(taken.get(), object);
      EXPECT_EQ(Check(each.handle), Status::kStale);
      EXPECT_EQ(destroyed, expected);
      EXPECT_EQ(Take<Tracked>(each.handle, &why), nullptr);
      EXPECT_EQ(why, Status::kStale);
    }
    expected = each.destroyed;
    EXPECT_EQ(destroyed, expected);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(ProcessTableTest, ATakenObjectCanBePutInAgain) {
  int destroyed = 0;
  const Handle first = New(Tracked(&destroyed));
  Tracked* const object = Value<Tracked>(first);
  const Handle second = New(Take<Tracked>(first));
  EXPECT_NE(second, first);
  EXPECT_EQ(Value<Tracked>(second), object);
  EXPECT_EQ(destroyed, 0);
  EXPECT_EQ(Delete(second), Status::kOk);
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessTableTest, APinnedObjectOrOneOfAnotherTypeIsNotTaken) {
  const Handle handle = New(7);
  Status why;
  EXPECT_EQ(Take<long>(handle, &why), nullptr);
  EXPECT_EQ(why, Status::kWrongType);
  {
    const Pinned<int> pinned = Pin<int>(handle);
    EXPECT_EQ(Take<int>(handle, &why), nullptr);
    EXPECT_EQ(why, Status::kPinned);
    EXPECT_EQ(*pinned, 7);
  }
  EXPECT_EQ(*Take<int>(handle, &why), 7);
  EXPECT_EQ(why, Status::kOk);
  EXPECT_EQ(Take<int>(kNullHandle, &why), nullptr);
  EXPECT_EQ(why, Status::kNull);
}

TEST(ProcessTableTest, OwnerOfANullPointerIsNotLost) {
  const auto owner = std::make_shared<int>(1);
  const Handle handle = New(std::shared_ptr<int>(owner, nullptr));
  EXPECT_EQ(owner.use_count(), 2);
  Status why;
  EXPECT_EQ(Take<int>(handle, &why), nullptr);
  EXPECT_EQ(why, Status::kOk);
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(ProcessTableTest, ADetachedPinIsEndedByC) {
  int destroyed = 0;
  const Handle handle = New(Tracked(&destroyed));
  haft_pin pin = Pin<Tracked>(handle).Detach();
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(destroyed, 0);
  haft_unpin(&pin);
  EXPECT_EQ(destroyed, 1);
  haft_unpin(&pin);
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessTableTest, AScopeDeletesTheNewestFirst) {
  std::vector<int> order;
  struct Noted {
    std::vector<int>* order;
    int number;
    Noted(std::vector<int>* o, int n) : order(o), number(n) {}
    Noted(Noted&& other) noexcept
        : order(std::exchange(other.order, nullptr)), number(other.number) {}
    ~Noted() {
      if (order != nullptr) order->push_back(number);
    }
  };
  Handle escaped, deleted;
  {
    HandleScope outer;
    {
      HandleScope scope;
      EXPECT_NE(scope.New(Noted(&order, 1)), kNullHandle);
      escaped = scope.New(Noted(&order, 2));
      deleted = scope.New(Noted(&order, 3));
      EXPECT_NE(scope.New(Noted(&order, 4)), kNullHandle);
      EXPECT_EQ(scope.Escape(escaped, &outer), Status::kOk);
      EXPECT_EQ(scope.Escape(escaped), Status::kNeverIssued);
      EXPECT_EQ(Delete(deleted), Status::kOk);
    }
    EXPECT_EQ(order, (std::vector<int>{3, 4, 1}));
    EXPECT_EQ(Check(escaped), Status::kOk);
  }
  EXPECT_EQ(order, (std::vector<int>{3, 4, 1, 2}));
}

TEST(ProcessTableDeathTest, MustFormsReportWhatIsKnown) {
  const Handle live = New(3), stale = New(4);
  EXPECT_EQ(MustValue<int>(live), 3);
  MustDelete(stale);
  EXPECT_DEATH((void)MustValue<int>(stale),
               "haft_must_value, wanted: a int: the handle has been deleted");
  EXPECT_DEATH((void)MustValue<long>(live), "wanted: a long.*live.*a int");
  EXPECT_DEATH(MustDelete(stale), "haft_must_delete.*0x[0-9a-f]+: stale in");
  EXPECT_DEATH(MustDelete(kNullHandle), "any type: the null handle");
  MustDelete(live);
}

// Readers against threads that delete any handle. Each use is of a whole object
// of the right type, or it is refused.
TEST(ProcessTableStressTest, NothingIsUsedAfterItsDestruction) {
  struct Whole {
    std::atomic<int> alive{1};
    ~Whole() { alive = 0; }
  };
  std::atomic<Word> shared[16] = {};
  std::atomic<int> uses{0};
  testing::RunThreads(4, [&](unsigned t) {
    for (unsigned i = 0; i < 20000; ++i) {
      std::atomic<Word>& place = shared[(i * 7 + t) % 16];
      if (i % 3 == 0) {
        const Handle made = i % 2 == 0 ? New(std::make_unique<Whole>())
                                       : New(std::string("other"));
        const Handle old(place.exchange(static_cast<Word>(made)));
        if (old != kNullHandle) {
          ASSERT_EQ(Delete(old), Status::kOk);
        }
      } else if (const auto pinned = Pin<Whole>(Handle(place.load()))) {
        ASSERT_EQ(pinned->alive, 1);
        ++uses;
      }
    }
  });
  for (std::atomic<Word>& place : shared) (void)Delete(Handle(place.load()));
  EXPECT_GT(uses, 0);
}

}  // namespace
}  // namespace haft
