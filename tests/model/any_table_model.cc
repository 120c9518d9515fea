// Value without a pin against the end of its handle, and the creation of the
// process-wide table.

#include <memory>

#include "gtest/gtest.h"
#include "haft/global_free_list.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/lazy_instance.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/process/any_table.h"
#include "haft/status.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

struct SmallTraits : internal::AnyTraits {
  using Layout = HandleLayout<3, 3>;
  using FreeList = GlobalFreeList;
};
struct Table : internal::BasicAnyTable<SmallTraits> {
  using BasicAnyTable::BasicAnyTable;
  const auto& slot(Word word) const { return this->store()[word]; }
};

constexpr haft_type kOld = {"old", nullptr, nullptr, 0, 0};
constexpr haft_type kNew = {"new", nullptr, nullptr, 0, 0};

// A thread reads by the old handle while the slot gets its next object.
struct ValueAgainstDeleteAndNew {
  static constexpr unsigned kThreads = 2;
  Table table{1};
  int objects[2] = {};
  Handle old;

  ValueAgainstDeleteAndNew() {
    GiveIndices(2);
    old = table.Emplace(&objects[0], &kOld, nullptr, nullptr);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(table.Delete(old) == Status::kOk, "the one Delete succeeds");
      Require(
          table.Emplace(&objects[1], &kNew, nullptr, nullptr) != kNullHandle,
          "there is room");
      return;
    }
    void* found = nullptr;
    const Status status = internal::AnyValue(table, old, &kOld, &found);
    Require(status == Status::kOk || status == Status::kStale,
            "of its own type, or stale");
    if (status == Status::kOk)
      Require(found == &objects[0], "another handle's object");
  }
  void After() {}
};
TEST(AnyTableModel, ValueAgainstDeleteAndNew) {
  Exploration().Bound(2).Random(50'000).Holds<ValueAgainstDeleteAndNew>();
}

struct FastValueAgainstDeleteAndNew : ValueAgainstDeleteAndNew {
  void Thread(unsigned i) {
    if (i == 0) return ValueAgainstDeleteAndNew::Thread(0);
    void* found = nullptr;
    if (internal::TryAnyValue(table, old, &kOld, &found))
      Require(found == &objects[0], "another handle's object");
  }
};
TEST(AnyTableModel, FastValueAgainstDeleteAndNew) {
  Exploration().Bound(2).Random(50'000).Holds<FastValueAgainstDeleteAndNew>();
}

// A thread has guessed the next handle of the slot.
struct FastValueOfTheNextHandle : ValueAgainstDeleteAndNew {
  void Thread(unsigned i) {
    if (i == 0) return ValueAgainstDeleteAndNew::Thread(0);
    const Handle next(static_cast<Word>(old) +
                      SmallTraits::Layout::Generation::kOne);
    void* found = nullptr;
    if (internal::TryAnyValue(table, next, &kNew, &found))
      Require(found == &objects[1], "the object of an earlier handle");
  }
};
TEST(AnyTableModel, FastValueOfTheNextHandle) {
  Exploration().Bound(2).Random(50'000).Holds<FastValueOfTheNextHandle>();
}

// A look-up as view.h describes it, written from that text alone.
template <std::memory_order kState, std::memory_order kObject, bool kLooksTwice>
void* ValueByView(const Table& table, Handle handle) {
  using internal::sync::Atomic;
  const auto& slot = table.slot(static_cast<Word>(handle));
  const auto& state = *static_cast<const Atomic<Word>*>(slot.state_word());
  if (state.load(kState) != static_cast<Word>(handle)) return nullptr;
  void* const object = slot.usage().object.load(kObject);
  if (kLooksTwice &&
      state.load(std::memory_order_relaxed) != static_cast<Word>(handle))
    return nullptr;
  return object;
}
constexpr std::memory_order kAcquire = std::memory_order_acquire;
constexpr std::memory_order kRelaxed = std::memory_order_relaxed;

template <std::memory_order kState, std::memory_order kObject, bool kLooksTwice>
struct ViewAgainstDeleteAndNew : ValueAgainstDeleteAndNew {
  void Thread(unsigned i) {
    if (i == 0) return ValueAgainstDeleteAndNew::Thread(0);
    // The old handle, and the next one, which the thread has guessed.
    void* found = ValueByView<kState, kObject, kLooksTwice>(table, old);
    Require(found == nullptr || found == &objects[0],
            "another handle's object");
    const Handle next(static_cast<Word>(old) +
                      SmallTraits::Layout::Generation::kOne);
    found = ValueByView<kState, kObject, kLooksTwice>(table, next);
    Require(found == nullptr || found == &objects[1],
            "the object of an earlier handle");
  }
};
TEST(AnyTableModel, ViewAgainstDeleteAndNew) {
  Exploration()
      .Bound(2)
      .Random(50'000)
      .Holds<ViewAgainstDeleteAndNew<kAcquire, kAcquire, true>>();
}
TEST(AnyTableModel, AViewNeedsEachOrderAndTheSecondLook) {
  Exploration()
      .Bound(2)
      .Random(50'000)
      .Fails<ViewAgainstDeleteAndNew<kRelaxed, kAcquire, true>>();
  Exploration()
      .Bound(2)
      .Random(50'000)
      .Fails<ViewAgainstDeleteAndNew<kAcquire, kRelaxed, true>>();
  Exploration()
      .Bound(2)
      .Random(50'000)
      .Fails<ViewAgainstDeleteAndNew<kAcquire, kAcquire, false>>();
}

// A thread pins the object while another ends its handle in two steps.
struct PinAgainstFastDelete {
  static constexpr unsigned kThreads = 2;
  Table table{1};
  internal::sync::Plain<int> is_destroyed;
  bool is_pinned = false, is_gone = false;
  Handle handle;

  PinAgainstFastDelete() {
    GiveIndices(2);
    is_destroyed.Write(0);
    handle = table.Emplace(this, &kOld, &Destroy, this);
  }
  static void Destroy(void* self) {
    auto& model = *static_cast<PinAgainstFastDelete*>(self);
    Require(!model.is_pinned, "not destroyed while in use");
    model.is_destroyed.Write(1);
    model.is_gone = true;
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(internal::TryAnyEnd(table, handle, &kOld), "the one Delete");
      table.Dispose(handle);
      return;
    }
    if (Table::Pinned pin = table.Pin(handle)) {
      is_pinned = true;
      Require(is_destroyed.Read() == 0, "a pinned object exists");
      is_pinned = false;
    }
  }
  void After() { Require(is_gone, "destroyed no later than the last unpin"); }
};
TEST(AnyTableModel, PinAgainstFastDelete) {
  Exploration().Bound(2).Random(50'000).Holds<PinAgainstFastDelete>();
}

// Two threads end the same handle. One of them may make the next one.
struct TwoFastDeletes {
  static constexpr unsigned kThreads = 2;
  Table table{1};
  int object = 0;
  Handle handle;
  unsigned ended = 0;

  TwoFastDeletes() {
    GiveIndices(2);
    handle = table.Emplace(&object, &kOld, nullptr, nullptr);
  }
  void Thread(unsigned i) {
    if (internal::TryAnyEnd(table, handle, &kOld)) {
      ++ended;
      table.Dispose(handle);
      Require(i != 0 || table.Emplace(&object, &kNew, nullptr, nullptr) !=
                            kNullHandle,
              "there is room");
    }
  }
  void After() { Require(ended == 1, "one of two Deletes succeeds"); }
};
TEST(AnyTableModel, TwoFastDeletes) {
  Exploration().Bound(2).Random(50'000).Holds<TwoFastDeletes>();
}

struct Created {
  internal::sync::Plain<int> value;
};
// Two threads ask for the instance at the same time.
struct TwoFirstCalls {
  static constexpr unsigned kThreads = 2;
  internal::LazyInstance<Created> once;
  Created* got[2] = {};

  void Thread(unsigned i) {
    got[i] = once.Get([] {
      auto created = std::make_unique<Created>();
      created->value.Write(7);
      return created;
    });
    Require(got[i]->value.Read() == 7, "not seen as it was created");
  }
  void After() {
    Require(got[0] == got[1], "two instances");
    delete got[0];
  }
};
TEST(LazyInstanceModel, TwoFirstCalls) {
  Exploration().Bound(3).Random(50'000).Holds<TwoFirstCalls>();
}

}  // namespace
}  // namespace haft::model
