// Tests of ObjectTable with signal handlers and suspended threads, at each
// instruction of its calls.

#include <gtest/gtest.h>
#include <semaphore.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include "haft/global_free_list.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "tests/support/inspector.h"
#include "tests/support/single_step.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::Coverage;
using testing::Step;
using testing::TestTraits;

// It can be used in a signal handler, because nothing here allocates or
// reports. Errors are reported afterwards.
std::atomic<int> alive{0}, wrong{0};

void Want(bool holds) {
  if (!holds) ++wrong;
}

class Tracked {
 public:
  Tracked() { ++alive; }
  Tracked(Tracked&& other) noexcept : Tracked() { other.moved_ = true; }
  ~Tracked() {
    Want(canary_ == kAlive);
    canary_ = kDead;
    --alive;
  }
  void Touch() const { Want(canary_ == kAlive && !moved_); }

 private:
  static constexpr Word kAlive = 0x600dcafe, kDead = 0xdeadbeef;

  volatile Word canary_ = kAlive;
  volatile bool moved_ = false;
};

template <typename Traits>
struct Objects {
  using Table = ObjectTable<Tracked, Traits>;
  using Pinned = typename Table::Pinned;
  using ReadScope = typename Table::ReadScope;

  Objects() {
    alive = wrong = 0;
    target = table.Emplace();
    kept = table.Emplace();
  }

  // ---- usable in a handler, and by other threads

  void NoteEnd(bool ended) { endings += ended; }
  void DeleteTarget() { NoteEnd(table.Delete(target) == Status::kOk); }
  void DeleteTargetUnlessPinned() {
    NoteEnd(table.DeleteUnlessPinned(target) == Status::kOk);
  }
  void TakeTarget() {
    if (const std::optional<Tracked> taken = table.Take(target)) {
      taken->Touch();
      NoteEnd(true);
    }
  }
  void PinTarget() {
    if (Pinned pin = table.Pin(target))
      pin->Touch();
    else
      Want(pin.status() == Status::kStale);
    Pinned pin = table.Pin(kept);
    Want(pin.status() == Status::kOk);
    if (pin) pin->Touch();
  }
  void LookInScope() {
    ReadScope scope(table);
    Tracked* const found = scope.Find(target);
    if (found != nullptr) found->Touch();
    const Handle made = table.Emplace();
    Tracked* const own = scope.Find(made);
    Want(own != nullptr);
    Want(table.Delete(made) == Status::kOk);
    if (own != nullptr) own->Touch();
    if (found != nullptr) found->Touch();
  }
  void MakeAndDelete() {
    Handle made[5];
    for (Handle& handle : made) {
      handle = table.Emplace();
      Want(handle != kNullHandle);
    }
    for (unsigned i = 0; i < 5; ++i) {
      Pinned pin = i % 2 == 0 ? table.Pin(made[i]) : Pinned(table.Pin(target));
      Want(table.Delete(made[i]) == Status::kOk);
      Want(table.Delete(made[i]) == Status::kStale);
      if (pin) pin->Touch();
    }
  }
  // Releases a pin that the interrupted thread, or another, has taken.
  void LetGo() {
    if (pin.has_value()) pin->Unpin();
  }

  // ---- afterwards

  void ExpectInOrder() {
    EXPECT_EQ(wrong, 0) << "a use after destruction, or a wrong answer";
    pin.reset();
    const bool live = table.Check(target) == Status::kOk;
    EXPECT_EQ(endings + live, 1) << "ended twice, or by nobody";
    EXPECT_EQ(table.Stats().retired_objects, 0u) << "objects nobody destroys";
    EXPECT_EQ(static_cast<std::size_t>(alive), table.Stats().live);
    (void)table.Clear();
    EXPECT_EQ(alive, 0);
    std::set<Handle> free;
    internal::Inspector::ForEachFree(
        table, [&](Handle handle) { EXPECT_TRUE(free.insert(handle).second); });
    EXPECT_EQ(free.size(), table.Stats().high_water);
  }

  Table table{100};
  Handle target, kept;
  std::optional<Pinned> pin;
  std::atomic<int> endings{0};
};

// The action of a handler, or of another thread, while the call is interrupted.
enum class Meanwhile {
  kPins,
  kLooksInScope,
  kMakesAndDeletes,
  kDeletes,
  kDeletesUnlessPinned,
  kTakes,
  kLetsGo,
};
constexpr Meanwhile kMeanwhile[] = {
    Meanwhile::kPins,
    Meanwhile::kLooksInScope,
    Meanwhile::kMakesAndDeletes,
    Meanwhile::kDeletes,
    Meanwhile::kDeletesUnlessPinned,
    Meanwhile::kTakes,
    Meanwhile::kLetsGo,
};

template <typename Objects>
void Do(Meanwhile what, Objects* objects) {
  switch (what) {
    case Meanwhile::kPins:
      return objects->PinTarget();
    case Meanwhile::kLooksInScope:
      return objects->LookInScope();
    case Meanwhile::kMakesAndDeletes:
      return objects->MakeAndDelete();
    case Meanwhile::kDeletes:
      return objects->DeleteTarget();
    case Meanwhile::kDeletesUnlessPinned:
      return objects->DeleteTargetUnlessPinned();
    case Meanwhile::kTakes:
      return objects->TakeTarget();
    case Meanwhile::kLetsGo:
      return objects->LetGo();
  }
}

// The call that is interrupted. Its arguments are made before.
enum class Call {
  kPin,
  kUnpin,
  kUnpinDeleted,
  kEmplace,
  kDelete,
  kDeletePinned,
  kDeleteUnlessPinned,
  kDeleteUnlessPinnedPinned,
  kTake,
  kBeginScope,
  kFind,
  kEndScope,
  kEndScopeThatHolds,
};

// Calls step(op) with the call as op.
template <typename Objects, typename Stepper>
void Make(Call call, Objects* objects, Stepper step) {
  using Pinned = typename Objects::Pinned;
  using ReadScope = typename Objects::ReadScope;
  auto& table = objects->table;
  const Handle target = objects->target;
  switch (call) {
    case Call::kPin: {
      std::optional<Pinned> pin;
      step([&] { pin.emplace(table.Pin(target)); });
      if (*pin)
        (*pin)->Touch();
      else
        EXPECT_EQ(pin->status(), Status::kStale);
      break;
    }
    case Call::kUnpin: {
      Pinned pin = table.Pin(target);
      EXPECT_TRUE(pin);
      step([&] { pin.Unpin(); });
      break;
    }
    case Call::kUnpinDeleted: {
      Pinned pin = table.Pin(target);
      objects->pin.emplace(table.Pin(target));
      objects->DeleteTarget();
      EXPECT_EQ(objects->endings, 1);
      pin->Touch();
      step([&] { pin.Unpin(); });
      break;
    }
    case Call::kEmplace: {
      Handle made;
      step([&] { made = table.Emplace(); });
      EXPECT_EQ(table.Check(made), Status::kOk);
      break;
    }
    case Call::kDelete:
      step([&] { objects->DeleteTarget(); });
      break;
    case Call::kDeletePinned:
      objects->pin.emplace(table.Pin(target));
      step([&] { objects->DeleteTarget(); });
      break;
    case Call::kDeleteUnlessPinned:
      step([&] { objects->DeleteTargetUnlessPinned(); });
      break;
    case Call::kDeleteUnlessPinnedPinned:
      objects->pin.emplace(table.Pin(target));
      step([&] { objects->DeleteTargetUnlessPinned(); });
      break;
    case Call::kTake:
      step([&] { objects->TakeTarget(); });
      break;
    case Call::kBeginScope: {
      std::optional<ReadScope> scope;
      step([&] { scope.emplace(table); });
      break;
    }
    case Call::kFind: {
      const ReadScope scope(table);
      Tracked* found = nullptr;
      step([&] { found = scope.Find(target); });
      if (found != nullptr) found->Touch();
      break;
    }
    case Call::kEndScope: {
      std::optional<ReadScope> scope(table);
      step([&] { scope.reset(); });
      break;
    }
    case Call::kEndScopeThatHolds: {
      std::optional<ReadScope> scope(table);
      for (unsigned i = 0; i < 3; ++i)
        EXPECT_EQ(table.Delete(table.Emplace()), Status::kOk);
      step([&] { scope.reset(); });
      break;
    }
  }
}

enum class Caller { kOld, kNewborn, kUncached };

// Runs f() in a thread that has used the table before, has not, or cannot have
// an index.
template <typename F>
void CallAs(Caller caller, F f) {
  if (caller == Caller::kOld) return f();
  std::thread([&] {
    if (caller == Caller::kUncached)
      internal::sync::ThisThread().exited.store(true,
                                                std::memory_order_relaxed);
    f();
  }).join();
}

// A thread that acts when it is told to, and reports when it is done. A signal
// handler can tell it and wait for it.
class Helper {
 public:
  template <typename F>
  explicit Helper(F f) {
    sem_init(&begin_, 0, 0);
    sem_init(&done_, 0, 0);
    thread_ = std::thread([this, f] {
      for (;;) {
        Wait(&begin_);
        if (ends_) return;
        f();
        sem_post(&done_);
      }
    });
  }
  ~Helper() {
    ends_ = true;
    sem_post(&begin_);
    thread_.join();
    sem_destroy(&begin_);
    sem_destroy(&done_);
  }
  void Run() {
    sem_post(&begin_);
    Wait(&done_);
  }

 private:
  static void Wait(sem_t* semaphore) {
    while (sem_wait(semaphore) != 0) {
    }
  }

  sem_t begin_, done_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

class ObjectSingleStepTest
    : public testing::SingleStepTest,
      public ::testing::WithParamInterface<std::tuple<Call, Caller>> {
 protected:
  using TestObjects = Objects<TestTraits<BasicMagazineFreeList<4>>>;

  // Calls meanwhile(what, objects) at each instruction of the call.
  template <typename F>
  void InterruptByAll(F meanwhile) {
    const Call call = std::get<0>(GetParam());
    const Caller caller = std::get<1>(GetParam());
    for (Meanwhile what : kMeanwhile) {
      // Only the way to a cell and a cache differs there.
      if (caller != Caller::kOld && what > Meanwhile::kMakesAndDeletes) break;
      InterruptAtAll([&](Coverage* coverage, unsigned gap) {
        TestObjects objects;
        CallAs(caller, [&] {
          Make(call, &objects, [&](auto op) {
            meanwhile(what, &objects,
                      [&](auto hook) { Step(coverage, gap, op, hook); });
          });
        });
        objects.ExpectInOrder();
      });
      ASSERT_FALSE(HasFailure()) << "meanwhile " << static_cast<int>(what);
    }
  }
};

// The handler uses the table on the thread that it has interrupted.
TEST_P(ObjectSingleStepTest, HandlerMayDoAnything) {
  InterruptByAll([](Meanwhile what, TestObjects* objects, auto step) {
    step([=] { Do(what, objects); });
  });
}

// The thread is suspended there until another thread has done everything.
TEST_P(ObjectSingleStepTest, SuspendedThreadBlocksNoOtherThread) {
  InterruptByAll([](Meanwhile what, TestObjects* objects, auto step) {
    Helper helper([=] { Do(what, objects); });
    step([&] { helper.Run(); });
  });
}

using ::testing::Combine;
using ::testing::Values;
constexpr auto AllCalls = [] {
  return Values(Call::kPin, Call::kUnpin, Call::kUnpinDeleted, Call::kEmplace,
                Call::kDelete, Call::kDeletePinned, Call::kDeleteUnlessPinned,
                Call::kDeleteUnlessPinnedPinned, Call::kTake, Call::kBeginScope,
                Call::kFind, Call::kEndScope, Call::kEndScopeThatHolds);
};
INSTANTIATE_TEST_SUITE_P(Old, ObjectSingleStepTest,
                         Combine(AllCalls(), Values(Caller::kOld)));
INSTANTIATE_TEST_SUITE_P(UncachedCaller, ObjectSingleStepTest,
                         Combine(AllCalls(), Values(Caller::kUncached)));
// A thread's first call.
INSTANTIATE_TEST_SUITE_P(Newborn, ObjectSingleStepTest,
                         Combine(Values(Call::kPin, Call::kEmplace,
                                        Call::kDelete, Call::kTake,
                                        Call::kBeginScope),
                                 Values(Caller::kNewborn)));

// Destroys the next one.
struct Link {
  using Table = ObjectTable<Link, TestTraits<BasicMagazineFreeList<4>>>;

  Link(Table* its_table, Handle its_next) : table(its_table), next(its_next) {
    ++alive;
  }
  ~Link() {
    --alive;
    if (next != kNullHandle) (void)table->Delete(next);
  }
  static Handle MakeChain(Table* table, unsigned length) {
    Handle first = kNullHandle;
    while (length-- > 0) first = table->Emplace(table, first);
    return first;
  }

  Table* const table;
  const Handle next;
};

// A chain longer than destructors nest is deleted in the handler. The objects
// that wait for the outermost Delete must not wait for the next one.
using ChainSingleStepTest = testing::SingleStepTest;
TEST_F(ChainSingleStepTest, ObjectsDoNotWaitForTheNextDelete) {
  InterruptOneByOne([](Coverage* coverage, unsigned gap) {
    alive = 0;
    Link::Table table(100);
    const Handle first = table.Emplace(&table, kNullHandle);
    const Handle chain = Link::MakeChain(&table, 40);
    Step(
        coverage, gap, [&] { (void)table.Delete(first); },
        [&] { (void)table.Delete(chain); });
    EXPECT_EQ(alive, testing::stepping.interrupted != 0 ? 0 : 40);
  });
}

}  // namespace
}  // namespace haft
