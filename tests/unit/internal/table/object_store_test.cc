// Before the header: the backend that counts barriers, and whose reservations
// can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/table/object_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "haft/handle.h"
#include "haft/hazard_reclamation.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "haft/traits.h"
#include "tests/support/inspector.h"
#include "tests/support/object_table_fixture.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

using testing::AsUncached;
using testing::constructed;
using testing::destroyed;
using testing::ExpectConservation;
using testing::Hooked;
using testing::Tracked;

// Keeps a word of each object outside of it.
struct NotingReclamation : HazardReclamation {
  using HazardReclamation::HazardReclamation;
  struct Usage : HazardReclamation::Usage {
    void BeginLife(const Tracked& object) noexcept {
      HazardReclamation::Usage::BeginLife(object);
      note.store(static_cast<Word>(object.value()), std::memory_order_release);
    }
    sync::Atomic<Word> note;
  };
};

// 8 slots of 3 generations each.
struct Traits : testing::TestTraits<GlobalFreeList, HandleLayout<3, 2>> {
  using Reclamation = NotingReclamation;
};

class ObjectStoreTest : public ::testing::Test {
 protected:
  using Store = ObjectStore<Tracked, Traits>;

  ObjectStoreTest() { constructed = destroyed = 0; }
  ~ObjectStoreTest() override {
    EXPECT_EQ(store_->Stats().retired_objects, 0u);
    store_.reset();
    EXPECT_EQ(constructed, destroyed);
  }

  Handle Make(int value) {
    Store::Reservation reservation(&*store_);
    if (reservation.word == 0) return kNullHandle;
    Store::Slot& slot = (*store_)[reservation.word];
    new (slot.BeginObject()) Tracked(value);
    slot.Publish(reservation.word);
    return Handle(std::exchange(reservation.word, 0));
  }
  Status Delete(Handle handle) {
    const Word word = static_cast<Word>(handle);
    if (!store_->End(word)) return store_->Refusal(handle);
    store_->Dispose(word);
    return Status::kOk;
  }
  // What DescribeSlot says, with `live` for the handle that it says is live.
  std::string Describe(Handle handle, Handle live) {
    Handle found;
    const std::string name = store_->DescribeSlot(handle, &found);
    EXPECT_EQ(found, name == "live" ? live : kNullHandle) << name;
    return name;
  }

  std::optional<Store> store_{std::in_place, 8};
};

TEST_F(ObjectStoreTest, AnObjectLivesFromItsReservationToItsDisposal) {
  ASSERT_TRUE(store_->ok());
  const Handle handle = Make(5);
  EXPECT_EQ(store_->Check(handle), Status::kOk);
  EXPECT_EQ((*store_)[static_cast<Word>(handle)].object()->value(), 5);
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(store_->Check(handle), Status::kStale);
  EXPECT_EQ(Delete(handle), Status::kStale);
  EXPECT_EQ(Delete(kNullHandle), Status::kNull);
  EXPECT_EQ(destroyed, 1);
}

TEST_F(ObjectStoreTest, ReservationThatIsNotUsedGoesBack) {
  Word reserved;
  {
    Store::Reservation reservation(&*store_);
    reserved = reservation.word;
    EXPECT_NE(reserved, 0u);
    EXPECT_EQ(store_->Check(Handle(reserved)), Status::kNeverIssued);
  }
  EXPECT_EQ(store_->Stats().created, 0u);
  EXPECT_EQ(store_->Stats().live, 0u);
  EXPECT_EQ(Make(1), Handle(reserved)) << "the same handle is made of it";
  EXPECT_EQ(store_->Stats().created, 1u);
}

// A live handle that a call has just refused was issued after the refusal.
TEST_F(ObjectStoreTest, RefusalOfALiveHandleIsNeverIssued) {
  const Handle handle = Make(1);
  EXPECT_EQ(store_->Check(handle), Status::kOk);
  EXPECT_EQ(store_->Refusal(handle), Status::kNeverIssued);
}

TEST_F(ObjectStoreTest, DetachedObjectIsDestroyedByItsOwner) {
  const Handle handle = Make(5);
  {
    Status why = Status::kNull;
    Store::Detached detached = store_->DetachUnlessPinned(handle, &why);
    EXPECT_EQ(why, Status::kOk);
    EXPECT_EQ(store_->Check(handle), Status::kStale);
    EXPECT_EQ((*store_)[static_cast<Word>(handle)].object()->value(), 5);
    EXPECT_EQ(destroyed, 0);
    {
      const Store::Detached moved = std::move(detached);
      EXPECT_EQ(destroyed, 0);
    }
    EXPECT_EQ(destroyed, 1);
  }
  EXPECT_EQ(destroyed, 1) << "the one moved from destroyed it again";
  EXPECT_EQ(store_->Stats().deleted, 1u);
}

TEST_F(ObjectStoreTest, PinnedObjectIsNotDetached) {
  const Handle handle = Make(5);
  const Word word = static_cast<Word>(handle);
  Store::Slot& slot = (*store_)[word];
  Store::Hold* const hold = store_->reclamation().Protect(slot, word);
  ASSERT_TRUE(slot.Validate(word, store_->slots()));
  Status why = Status::kOk;
  { (void)store_->DetachUnlessPinned(handle, &why); }
  EXPECT_EQ(why, Status::kPinned);
  EXPECT_EQ(store_->Check(handle), Status::kOk);
  EXPECT_EQ(destroyed, 0);
  Store::Unpin(&*store_, hold, &slot, word);
  EXPECT_EQ(destroyed, 0) << "the handle is live";
  { (void)store_->DetachUnlessPinned(handle, &why); }
  EXPECT_EQ(why, Status::kOk);
  EXPECT_EQ(destroyed, 1);
  { (void)store_->DetachUnlessPinned(handle, &why); }
  EXPECT_EQ(why, Status::kStale);
  EXPECT_EQ(destroyed, 1);
}

TEST_F(ObjectStoreTest, LastUnpinDestroysARetiredObject) {
  const Handle handle = Make(5);
  const Word word = static_cast<Word>(handle);
  Store::Slot& slot = (*store_)[word];
  Store::Hold* const first = store_->reclamation().Protect(slot, word);
  Store::Hold* const last = store_->reclamation().Protect(slot, word);
  ASSERT_TRUE(slot.Validate(word, store_->slots()));
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(store_->Stats().retired_objects, 1u);
  Store::Unpin(&*store_, first, &slot, word);
  EXPECT_EQ(destroyed, 0);
  Store::Unpin(&*store_, last, &slot, word);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(store_->Stats().retired_objects, 0u);
}

TEST_F(ObjectStoreTest, LastScopeDestroysADeferredObject) {
  const Handle handle = Make(5);
  auto& reclamation = store_->reclamation();
  const auto scope = reclamation.NewScope();
  Store::Reclamation::Use(scope, (*store_)[static_cast<Word>(handle)]);
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(store_->Stats().retired_objects, 1u);
  store_->RetryDeferred(scope.holder());
  EXPECT_EQ(destroyed, 0) << "the scope is still open";
  ASSERT_TRUE(reclamation.End(scope));
  store_->RetryDeferred(scope.holder());
  EXPECT_EQ(destroyed, 1);
}

TEST_F(ObjectStoreTest, UsageIsReadOfALiveHandleOnly) {
  const Handle handle = Make(5);
  Word note = 0;
  const auto read = [&](const NotingReclamation::Usage& usage) {
    note = usage.note.load(std::memory_order_acquire);
  };
  EXPECT_EQ(store_->ReadUsage(handle, read), Status::kOk);
  EXPECT_EQ(note, 5u);
  ASSERT_EQ(Delete(handle), Status::kOk);
  const auto fail = [](const NotingReclamation::Usage&) {
    ADD_FAILURE() << "the handle has ended";
  };
  EXPECT_EQ(store_->ReadUsage(handle, fail), Status::kStale);
  EXPECT_EQ(store_->ReadUsage(kNullHandle, fail), Status::kNull);
  EXPECT_EQ(store_->ReadUsage(Handle(1), fail), Status::kMalformed);
  const Handle next = Make(6);
  EXPECT_EQ(store_->ReadUsage(next, read), Status::kOk);
  EXPECT_EQ(note, 6u);
}

TEST_F(ObjectStoreTest, UsageOfAHandleThatEndsMeanwhileIsRefused) {
  const Handle handle = Make(5);
  EXPECT_EQ(store_->ReadUsage(handle,
                              [&](const NotingReclamation::Usage&) {
                                EXPECT_EQ(Delete(handle), Status::kOk);
                              }),
            Status::kStale);
}

TEST_F(ObjectStoreTest, DescribeSlotNamesEachState) {
  const Handle handle = Make(1);
  const Word word = static_cast<Word>(handle);
  const Handle neighbour(word + 2);
  EXPECT_EQ(Describe(neighbour, kNullHandle), "untouched");
  EXPECT_EQ(Describe(handle, handle), "live");
  // A stale handle and a malformed word of the slot say the same.
  EXPECT_EQ(Describe(Handle(word - 1), handle), "live");

  Store::Slot& slot = (*store_)[word];
  Store::Hold* const hold = store_->reclamation().Protect(slot, word);
  ASSERT_TRUE(slot.Validate(word, store_->slots()));
  ASSERT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(Describe(handle, kNullHandle), "retired");
  Store::Unpin(&*store_, hold, &slot, word);
  EXPECT_EQ(Describe(handle, kNullHandle), "free");

  const Handle second = Make(2);
  EXPECT_EQ(Describe(handle, second), "live") << "the slot's next handle";
  const auto scope = store_->reclamation().NewScope();
  Store::Reclamation::Use(scope, slot);
  ASSERT_EQ(Delete(second), Status::kOk);
  EXPECT_EQ(Describe(handle, kNullHandle), "retired") << "deferred";
  ASSERT_TRUE(store_->reclamation().End(scope));
  store_->RetryDeferred(scope.holder());
  EXPECT_EQ(Describe(handle, kNullHandle), "free");

  // The first generation is 1, and the third one is the last.
  const Handle third = Make(3);
  EXPECT_EQ(Describe(handle, third), "live");
  ASSERT_EQ(Delete(third), Status::kOk);
  EXPECT_EQ(Describe(handle, kNullHandle), "exhausted");

  const Handle others[] = {Make(4), Make(5), Make(6)};
  for (const Handle other : others) EXPECT_EQ(Describe(other, other), "live");
}

TEST_F(ObjectStoreTest, FrozenHandleIsDescribedAsLive) {
  using State = SlotState<Traits::Layout>;
  const Handle handle = Make(1);
  const Word word = static_cast<Word>(handle);
  const Word frozen = State::Frozen(word, 0, store_->slots());
  Store::Slot& slot = (*store_)[word];
  ASSERT_EQ(slot.BeginConditionalDelete(word, frozen, store_->slots()), frozen);
  EXPECT_EQ(Describe(handle, handle), "live");
  slot.CancelConditionalDelete(frozen, word);
  EXPECT_EQ(Describe(handle, handle), "live");
}

TEST_F(ObjectStoreTest, OnlyAnObjectInUseCostsABarrier) {
  const Handle unused = Make(1), used = Make(2);
  const Word word = static_cast<Word>(used);
  Store::Slot& slot = (*store_)[word];
  Store::Hold* const hold = store_->reclamation().Protect(slot, word);
  ASSERT_TRUE(slot.Validate(word, store_->slots()));
  testing::heavy_barriers = 0;
  EXPECT_EQ(Delete(unused), Status::kOk);
  EXPECT_EQ(testing::heavy_barriers, 0u);
  EXPECT_EQ(Delete(used), Status::kOk);
  EXPECT_EQ(testing::heavy_barriers, 1u);
  Store::Unpin(&*store_, hold, &slot, word);
  EXPECT_EQ(destroyed, 2);
}

TEST_F(ObjectStoreTest, ClearDeletesWhatIsLive) {
  for (int i = 0; i < 5; ++i) EXPECT_NE(Make(i), kNullHandle);
  EXPECT_EQ(store_->Clear(), 5u);
  EXPECT_EQ(destroyed, 5);
  EXPECT_EQ(store_->Clear(), 0u);
}

template <typename Traits>
void ExpectToNeedAllMemory() {
  using Store = ObjectStore<int, Traits>;
  testing::reservations.Fail(0, 0);
  testing::barriers.Fail(0, 0);
  EXPECT_TRUE(Store(8).ok());
  const unsigned all = testing::reservations.Stop();
  EXPECT_EQ(testing::barriers.Stop(), 1u) << "it prepares one";
  EXPECT_EQ(testing::FailEachReservation([] { return Store(8).ok(); }), all);
}

TEST(ObjectStoreMemoryTest, IsOkIfItHasAllItsMemory) {
  ExpectToNeedAllMemory<DefaultTraits>();
  ExpectToNeedAllMemory<
      testing::TestTraits<GlobalFreeList, DefaultLayout, Exhaustion::kWrap>>();
}

TEST(ObjectStoreMemoryTest, NoPageIsDroppedWhereUsageMustStay) {
  ObjectTable<int, testing::CountedTraits> table(10'000);
  std::vector<Handle> handles(10'000);
  for (Handle& handle : handles) handle = table.Emplace(1);
  EXPECT_EQ(table.DeleteBatch(handles.data(), handles.size()), handles.size());
  EXPECT_EQ(table.Trim(), 0u);
}

// A read scope that ends as soon as a deleter has seen it.
struct EndingScope : HazardReclamation {
  using HazardReclamation::HazardReclamation;
  template <typename Slot>
  Uses LookForUses(const Slot& slot, Word handle) const noexcept {
    Uses uses = HazardReclamation::LookForUses(slot, handle);
    uses.scoped |= std::exchange(ends_now, false);
    return uses;
  }
  static inline bool ends_now = false;
};
struct EndingTraits : DefaultTraits {
  using Reclamation = EndingScope;
};

TEST(EndingScopeTest, DeleterDestroysWhatTheScopeHasLeft) {
  ObjectTable<Tracked, EndingTraits> table(10);
  const Handle handle = table.Emplace(1);
  destroyed = 0;
  EndingScope::ends_now = true;
  EXPECT_EQ(table.DeleteAndWait(handle, std::chrono::nanoseconds(0)),
            Status::kOk);
  EXPECT_FALSE(EndingScope::ends_now);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(table.Stats().retired_objects, 0u);
  EXPECT_EQ(table.Stats().deleted, 1u);
  ExpectConservation(table);
}

TEST(EndingScopeTest, DeleterTooDeepInDestructorsLeavesItToThem) {
  ObjectTable<Hooked, EndingTraits> table(100);
  bool is_destroyed = false;
  Handle next = table.Emplace([&] { is_destroyed = true; });
  for (unsigned i = 0; i < DeferredDestruction::kMaxDepth; ++i) {
    next = table.Emplace([&, next, i] {
      EndingScope::ends_now = i == 0;
      EXPECT_EQ(table.DeleteAndWait(next, std::chrono::nanoseconds(0)),
                i == 0 ? Status::kDeferred : Status::kOk);
      EXPECT_EQ(is_destroyed, i != 0);
    });
  }
  EXPECT_EQ(table.Delete(next), Status::kOk);
  EXPECT_TRUE(is_destroyed);
  EXPECT_EQ(table.Stats().retired_objects, 0u);
  ExpectConservation(table);
}

TEST(TryEmplaceTest, MakesHandlesOfWhatIsAtHandOnly) {
  ObjectTable<int> table(1000);
  auto& store = Inspector::StoreOf(table);
  EXPECT_EQ(store.TryEmplace(1), kNullHandle) << "a thread's first call";
  const Handle refilled = table.Emplace(1);
  EXPECT_NE(refilled, kNullHandle);
  std::set<Handle> made = {refilled};
  while (const Handle handle = store.TryEmplace(int(made.size()))) {
    EXPECT_EQ(*table.Pin(handle), int(made.size()));
    EXPECT_TRUE(made.insert(handle).second);
  }
  // The rest of a magazine, which is smaller if words have 32 bits.
  EXPECT_GT(made.size(), 10u);
  EXPECT_LE(made.size(), 128u);
  EXPECT_EQ(table.Stats().live, made.size());
  EXPECT_EQ(table.Stats().created, made.size());
  for (const Handle handle : made) EXPECT_EQ(table.Delete(handle), Status::kOk);
  EXPECT_NE(store.TryEmplace(1), kNullHandle);
  EXPECT_EQ(table.Stats().live, 1u);
  AsUncached([&] { EXPECT_EQ(store.TryEmplace(1), kNullHandle); });
  EXPECT_EQ(table.Stats().live, 1u);
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft::internal
