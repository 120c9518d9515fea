// A borrower, written from the steps in view.h alone, against callers of the
// library. Its memory orders can be relaxed, and then models fail.

#include <algorithm>

#include "gtest/gtest.h"
#include "haft/global_free_list.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/loan.h"
#include "haft/status.h"
#include "haft/view.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

using internal::CheckedLoan;

struct SmallTraits : internal::AnyTraits {
  using Layout = HandleLayout<3, 3>;
  using FreeList = GlobalFreeList;
};
using Generation = SmallTraits::Layout::Generation;

struct OpenTable : internal::BasicAnyTable<SmallTraits> {
  using internal::BasicAnyTable<SmallTraits>::BasicAnyTable;
  auto& slot(Word word) { return this->store()[word]; }
};

// The orders of a borrower's steps, as view.h says.
struct AsDescribed {
  static constexpr auto kObject = std::memory_order_release;
  static constexpr auto kPublish = std::memory_order_release;
  static constexpr auto kEnd = std::memory_order_seq_cst;
};

template <typename Orders>
class Borrower {
 public:
  Borrower(OpenTable* table, const haft_type* type) : table_(*table) {
    loan_.type = type;
    Require(Settle() == Status::kOk, "there is room");
  }

  Status Settle() { return internal::SettleLoan(table_, loan_, 1); }

  Word New(void* object) {
    if (loan_.ready_count == 0 && Settle() != Status::kOk) return 0;
    const Word handle = loan_.ready[--loan_.ready_count];
    auto& slot = table_.slot(handle);
    auto* const content = reinterpret_cast<void**>(slot.object());
    content[0] = content[3] = object;
    slot.usage().object.store(object, Orders::kObject);
    State(slot).store(handle, Orders::kPublish);
    return handle;
  }

  bool Delete(Word handle) {
    auto& slot = table_.slot(handle);
    if (State(slot).load(std::memory_order_acquire) != handle) return false;
    if ((handle & Generation::kMask) == Generation::kMask) return false;
    Word expected = handle;
    if (!State(slot).compare_exchange_strong(
            expected, (handle + Generation::kOne) ^ HAFT_VIEW_FREE,
            Orders::kEnd, std::memory_order_relaxed))
      return false;
    loan_.ended[loan_.ended_count++] = handle;
    return true;
  }

 private:
  template <typename Slot>
  static internal::sync::Atomic<Word>& State(Slot& slot) {
    return *static_cast<internal::sync::Atomic<Word>*>(
        const_cast<void*>(slot.state_word()));
  }

  OpenTable& table_;
  CheckedLoan loan_ = {};
};

// What a handle stands for. `is_whole` is written before the handle is made,
// and when the object is destroyed.
struct Object {
  internal::sync::Plain<int> is_whole;
  bool is_pinned = false;
  unsigned destroyed = 0;
};
void Destroy(void* context) {
  auto* const object = static_cast<Object*>(context);
  Require(!object->is_pinned, "not destroyed while it is pinned");
  object->is_whole.Write(0);
  ++object->destroyed;
}
constexpr haft_type kType = {"type", nullptr, &Destroy, 0, 0};

// A thread pins the object while the borrower ends its handle and settles.
template <typename Orders>
struct EndAgainstPin {
  static constexpr unsigned kThreads = 2;
  OpenTable table{1};
  Borrower<Orders> borrower{&table, &kType};
  Object object;
  Word handle;

  EndAgainstPin() {
    GiveIndices(2);
    object.is_whole.Write(1);
    handle = borrower.New(&object);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(borrower.Delete(handle), "the one Delete");
      (void)borrower.Settle();
      return;
    }
    if (auto pin = table.Pin(Handle(handle))) {
      object.is_pinned = true;
      Require(object.is_whole.Read() == 1, "a pinned object exists");
      object.is_pinned = false;
    }
  }
  void After() { Require(object.destroyed == 1, "destroyed once"); }
};
TEST(LoanModel, EndAgainstPin) {
  Exploration().Bound(2).Random(50'000).Holds<EndAgainstPin<AsDescribed>>();
}

// The borrower uses the slot again while a thread looks up the old handle, and
// one that it has guessed.
template <typename Orders>
struct NewAgainstLookUp {
  static constexpr unsigned kThreads = 2;
  OpenTable table{1};
  Borrower<Orders> borrower{&table, &kType};
  Object objects[2];
  Word old;

  NewAgainstLookUp() {
    GiveIndices(2);
    objects[0].is_whole.Write(1);
    old = borrower.New(&objects[0]);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(borrower.Delete(old), "the one Delete");
      (void)borrower.Settle();
      objects[1].is_whole.Write(1);
      (void)borrower.New(&objects[1]);
      return;
    }
    void* found = nullptr;
    if (internal::TryAnyValue(table, Handle(old), &kType, &found))
      Require(found == &objects[0], "another handle's object");
    const Handle next(old + Generation::kOne);
    if (internal::TryAnyValue(table, next, &kType, &found)) {
      Require(found == &objects[1], "another handle's object");
      Require(objects[1].is_whole.Read() == 1, "an object as it was made");
    }
  }
  void After() {}
};
TEST(LoanModel, NewAgainstLookUp) {
  Exploration().Bound(2).Random(50'000).Holds<NewAgainstLookUp<AsDescribed>>();
}

// A borrower and a caller end the same handle. The caller may make the next one
// in its slot.
template <typename Orders>
struct EndAgainstDelete {
  static constexpr unsigned kThreads = 2;
  OpenTable table{1};
  Borrower<Orders> borrower{&table, &kType};
  Object object, other;
  Word handle;
  unsigned ended = 0;

  EndAgainstDelete() {
    GiveIndices(2);
    object.is_whole.Write(1);
    handle = borrower.New(&object);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      if (borrower.Delete(handle)) {
        ++ended;
        Require(borrower.Settle() != Status::kInvalid, "it has ended it");
      }
      return;
    }
    if (table.Delete(Handle(handle)) == Status::kOk) {
      ++ended;
      Require(table.Emplace(&other, &kType, nullptr, nullptr) != kNullHandle,
              "there is room");
    }
  }
  void After() {
    Require(ended == 1, "one of two Deletes succeeds");
    Require(object.destroyed == 1, "destroyed once");
  }
};
TEST(LoanModel, EndAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<EndAgainstDelete<AsDescribed>>();
}

// A loan is settled by a borrower, and another one gets the slots.
struct TwoBorrowers {
  static constexpr unsigned kThreads = 2;
  OpenTable table{2};
  Borrower<AsDescribed> borrowers[2] = {{&table, &kType}, {&table, &kType}};
  Object objects[2][2];
  internal::sync::Atomic<Word> shared[2];

  TwoBorrowers() {
    GiveIndices(2);
    for (auto& place : shared) place.store(0, std::memory_order_relaxed);
  }
  void Thread(unsigned i) {
    for (unsigned k = 0; k < 2; ++k) {
      objects[i][k].is_whole.Write(1);
      const Word handle = borrowers[i].New(&objects[i][k]);
      if (handle == 0) continue;
      // acq_rel, both: a handle arrives with what it stands for.
      const Word other = shared[i].exchange(handle, std::memory_order_acq_rel);
      Require(other == 0 || borrowers[i].Delete(other), "the one Delete");
      const Word of_other =
          shared[1 - i].exchange(0, std::memory_order_acq_rel);
      Require(of_other == 0 || borrowers[i].Delete(of_other),
              "a handle that has arrived can be ended");
      Require(borrowers[i].Settle() != Status::kInvalid, "all had ended");
    }
  }
  void After() {}
};
TEST(LoanModel, TwoBorrowers) {
  Exploration().Bound(2).Random(50'000).Holds<TwoBorrowers>();
}

struct RelaxedPublish : AsDescribed {
  static constexpr auto kPublish = std::memory_order_relaxed;
};
struct RelaxedEnd : AsDescribed {
  static constexpr auto kEnd = std::memory_order_relaxed;
};
// Nothing here fails if the store of the object is relaxed: FillLoan has
// written null there by [A1], and Relacy takes every later store for a part of
// its release sequence, as C++11 did (docs/verification.md). C++20 does not.
TEST(LoanModel, ABorrowerNeedsItsOtherOrders) {
  Exploration()
      .Bound(2)
      .Random(50'000)
      .Fails<NewAgainstLookUp<RelaxedPublish>>();
  Exploration().Bound(2).Random(50'000).Fails<EndAgainstPin<RelaxedEnd>>();
}

}  // namespace
}  // namespace haft::model
