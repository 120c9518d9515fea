// The tests of progress_test.cc for the C ABI. A thread that stops inside one
// of its calls, or while it makes the process's table, does not stop others.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "haft/haft.h"
#include "haft/internal/base/lazy_instance.h"
#include "haft/internal/process/any_table.h"
#include "tests/interleaving/schedule/crash_stop.h"
#include "tests/interleaving/schedule/probe.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using internal::LazyInstance;
using schedule::CrashStops;
using schedule::ExpectLockFree;
using schedule::MostSteps;
using schedule::Operation;
using schedule::Probe;
using schedule::StopAtEachStep;

constexpr std::uint64_t kWorkBound = 40000;

void DestroyProbe(void* object) { delete static_cast<Probe*>(object); }
constexpr haft_type kProbe = {"probe", "probe", &DestroyProbe, 0, 0};
constexpr haft_type kOther = {"other", "other", nullptr, 0, 0};

struct World {
  static constexpr std::size_t kCapacity = 24;
  // The most handles that the stopped thread may hold: a batch.
  static constexpr std::size_t kHeld = 2;

  World() {
    EXPECT_EQ(haft_table_create(kCapacity, &table), HAFT_OK);
    shared = New();
  }
  ~World() {
    haft_table_destroy(table);
    EXPECT_EQ(alive, 0) << "objects nobody destroys";
    delete once.Get([] { return std::unique_ptr<int>(); });
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- the work of the other threads

  haft_handle New() {
    auto probe = std::make_unique<Probe>(&alive);
    haft_handle handle = 0;
    EXPECT_EQ(haft_table_new(table, probe.get(), &kProbe, &handle), HAFT_OK);
    if (handle != 0) (void)probe.release();
    return handle;
  }
  void Value(haft_handle handle) {
    void* object = nullptr;
    EXPECT_EQ(haft_table_value(table, handle, &kProbe, &object), HAFT_OK);
    EXPECT_NE(object, nullptr);
    EXPECT_EQ(haft_table_value(table, handle, &kOther, &object),
              HAFT_WRONG_TYPE);
  }
  haft_status Delete(haft_handle handle) {
    return haft_table_delete(table, handle, &kProbe);
  }
  void PinAndDelete() {
    const haft_handle handle = New();
    haft_pin pin;
    void* object = nullptr;
    EXPECT_EQ(haft_table_pin_object(table, handle, &kProbe, &pin, &object),
              HAFT_OK);
    EXPECT_EQ(haft_table_delete_unless_pinned(table, handle, &kProbe),
              HAFT_PINNED);
    EXPECT_EQ(Delete(handle), HAFT_OK);
    EXPECT_EQ(Delete(handle), HAFT_STALE);
    static_cast<Probe*>(object)->Touch();
    haft_unpin(&pin);
  }
  void Take(haft_handle handle) {
    void* object = nullptr;
    const haft_status status = haft_table_take(table, handle, &kProbe, &object);
    if (status == HAFT_OK) {
      DestroyProbe(object);
    } else {
      // The stopped thread may be pinning it in a walk.
      EXPECT_EQ(status, HAFT_PINNED);
      EXPECT_EQ(Delete(handle), HAFT_OK);
    }
  }
  void Walk(int until) {
    const auto visit = [](void* context, haft_handle, const haft_type*,
                          void* object) {
      static_cast<const Probe*>(object)->Touch();
      return static_cast<int>(--*static_cast<int*>(context) == 0);
    };
    (void)haft_table_for_each(table, visit, &until);
  }
  void UseScope() {
    haft_scope* scope = nullptr;
    EXPECT_EQ(haft_scope_open(table, &scope), HAFT_OK);
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(haft_scope_add(scope, New()), HAFT_OK);
    EXPECT_EQ(haft_scope_close(scope), 2u);
  }
  void MakeOnce() {
    int* const made = once.Get([] { return std::make_unique<int>(7); });
    EXPECT_EQ(*made, 7);
    EXPECT_EQ(once.Get([] { return std::unique_ptr<int>(); }), made);
  }

  void Work(unsigned t) {
    MakeOnce();
    const haft_handle handle = New();
    Value(handle);
    PinAndDelete();
    void* object = nullptr;
    (void)haft_table_value(table, shared, &kProbe, &object);
    Take(handle);
    if (t == 2) schedule::BecomeUncached();
    UseScope();
    Walk(~0);
    PinAndDelete();
    if (t == 2) (void)Delete(shared);
    haft_stats stats;
    EXPECT_EQ(haft_table_stats(table, &stats), HAFT_OK);
    (void)haft_table_check(table, shared);
  }
  // Uses slots again and again.
  void Interfere(unsigned t) {
    const haft_handle handle = New();
    if (t == 1) (void)Delete(shared);
    EXPECT_EQ(Delete(handle), HAFT_OK);
  }
  void Fill() {
    std::vector<haft_handle> made;
    for (std::size_t n = static_cast<std::size_t>(alive) + kHeld; n < kCapacity;
         ++n)
      made.push_back(New());
    for (const haft_handle handle : made) EXPECT_EQ(Delete(handle), HAFT_OK);
  }

  // ---- the checks

  void CheckWhileStopped() {
    std::size_t live = 0;
    const auto count = [](void* context, haft_handle, const haft_type*, void*) {
      ++*static_cast<std::size_t*>(context);
      return 0;
    };
    (void)haft_table_for_each(table, count, &live);
    EXPECT_LE(static_cast<std::size_t>(alive), live + kHeld)
        << "held back though the stopped thread has nothing to do with it";
  }
  void CheckAtRest() {
    for (haft_pin& pin : pins) haft_unpin(&pin);
    pins.clear();
    haft_stats stats;
    EXPECT_EQ(haft_table_stats(table, &stats), HAFT_OK);
    EXPECT_EQ(stats.retired_objects, 0u);
    EXPECT_EQ(stats.live, static_cast<std::uint64_t>(alive));
  }

  int alive = 0;
  haft_table* table = nullptr;
  haft_handle shared;
  std::vector<haft_handle> own;
  std::vector<haft_pin> pins;
  LazyInstance<int> once;
};

constexpr auto kNothing = &Operation<World>::Nothing;
constexpr auto kUncached = [](World&) { schedule::BecomeUncached(); };
constexpr auto kOne = [](World& w) { w.own.push_back(w.New()); };
constexpr auto kTwo = [](World& w) { w.own = {w.New(), w.New()}; };
constexpr auto kPinnedOne = [](World& w) {
  w.own.push_back(w.New());
  w.pins.emplace_back();
  void* object = nullptr;
  EXPECT_EQ(
      haft_table_pin_object(w.table, w.own[0], &kProbe, &w.pins[0], &object),
      HAFT_OK);
};
constexpr auto kDeletedOne = [](World& w) {
  w.own.push_back(w.New());
  EXPECT_EQ(w.Delete(w.own[0]), HAFT_OK);
};
constexpr auto kNew = [](World& w) { w.own.push_back(w.New()); };
constexpr auto kValueOfShared = [](World& w) {
  void* object = nullptr;
  const haft_status status =
      haft_table_value(w.table, w.shared, &kProbe, &object);
  EXPECT_EQ(status == HAFT_OK, object != nullptr);
};
constexpr auto kDelete = [](World& w) {
  EXPECT_EQ(w.Delete(w.own[0]), HAFT_OK);
};

const Operation<World> kOperations[] = {
    {"haft_new, a thread's first call", kNew},
    {"haft_new", kNew, kOne},
    {"haft_new of an uncached caller", kNew, kUncached},
    {"haft_new_batch",
     [](World& w) {
       void* objects[2] = {new Probe(&w.alive), new Probe(&w.alive)};
       haft_handle handles[2];
       std::size_t made = 0;
       EXPECT_EQ(
           haft_table_new_batch(w.table, objects, 2, &kProbe, handles, &made),
           HAFT_OK);
     },
     kOne},
    {"haft_value", [](World& w) { w.Value(w.own[0]); }, kOne},
    {"haft_value, a thread's first call", [](World& w) { w.Value(w.own[0]); },
     kNothing, kOne},
    {"haft_value of what others delete", kValueOfShared},
    {"haft_value of an uncached caller", kValueOfShared, kUncached},
    {"haft_check", [](World& w) { (void)haft_table_check(w.table, w.shared); }},
    {"haft_pin_object", kPinnedOne},
    {"haft_pin_object of another type",
     [](World& w) {
       haft_pin pin;
       void* object;
       EXPECT_EQ(
           haft_table_pin_object(w.table, w.own[0], &kOther, &pin, &object),
           HAFT_WRONG_TYPE);
     },
     kOne},
    {"haft_unpin", [](World& w) { haft_unpin(&w.pins[0]); }, kPinnedOne},
    {"haft_unpin that destroys", [](World& w) { haft_unpin(&w.pins[0]); },
     [](World& w) {
       kPinnedOne(w);
       EXPECT_EQ(w.Delete(w.own[0]), HAFT_OK);
     }},
    {"haft_delete", kDelete, kOne},
    {"haft_delete, a thread's first call", kDelete, kNothing, kOne},
    {"haft_delete of what others delete",
     [](World& w) { (void)w.Delete(w.shared); }},
    {"haft_delete of another type",
     [](World& w) {
       EXPECT_EQ(haft_table_delete(w.table, w.own[0], &kOther),
                 HAFT_WRONG_TYPE);
     },
     kOne},
    {"haft_delete_unless_pinned",
     [](World& w) {
       (void)haft_table_delete_unless_pinned(w.table, w.own[0], &kProbe);
     },
     kOne},
    {"haft_delete_batch",
     [](World& w) {
       EXPECT_EQ(
           haft_table_delete_batch(w.table, w.own.data(), 2, &kProbe, nullptr),
           2u);
     },
     kTwo},
    {"haft_take", [](World& w) { w.Take(w.own[0]); }, kOne},
    {"haft_table_for_each", [](World& w) { w.Walk(~0); }, kTwo},
    {"haft_table_for_each that is ended", [](World& w) { w.Walk(1); }, kTwo},
    {"haft_table_report",
     [](World& w) {
       (void)haft_table_report(
           w.table, 2, [](void*, const char*) {}, nullptr);
     },
     kTwo},
    {"haft_table_describe",
     [](World& w) {
       (void)haft_table_describe(w.table, w.shared, nullptr, 0);
     }},
    {"haft_table_stats",
     [](World& w) {
       haft_stats stats;
       EXPECT_EQ(haft_table_stats(w.table, &stats), HAFT_OK);
     }},
    {"haft_table_prepare",
     [](World& w) { EXPECT_EQ(haft_table_prepare(w.table, 2), HAFT_OK); }},
    {"haft_table_trim", [](World& w) { (void)haft_table_trim(w.table); }},
    {"a scope", [](World& w) { w.UseScope(); }},
    {"what is made once", [](World& w) { w.MakeOnce(); }},
};

TEST(HaftLockFreedomTest, StoppedThreadKeepsNoOtherFromFinishing) {
  internal::sync::has_heavy_barrier = true;
  ExpectLockFree(kOperations, kWorkBound, 1000);
}
TEST(HaftLockFreedomTest, NorWithoutHeavyBarrier) {
  internal::sync::has_heavy_barrier = false;
  ExpectLockFree(kOperations, kWorkBound, 1000);
  internal::sync::has_heavy_barrier = true;
}

// Threads make a table as they make the process's. If one is stopped while it
// makes one, others make theirs, and all get the same table in the end.
struct Makers {
  ~Makers() {
    delete once.Get([] { return std::unique_ptr<internal::AnyTable>(); });
  }
  internal::AnyTable* Get() {
    return once.Get([] { return internal::AnyTable::Create(10); });
  }
  void Work(unsigned t) {
    got[t] = Get();
    int destroyed = 0;
    const Handle handle = got[t]->Emplace(
        nullptr, &kOther, [](void* count) { ++*static_cast<int*>(count); },
        &destroyed);
    EXPECT_EQ(got[t]->Delete(handle), Status::kOk);
    EXPECT_EQ(destroyed, 1);
  }
  void Fill() { got[0] = Get(); }
  void CheckWhileStopped() { EXPECT_NE(got[1], nullptr); }
  void CheckAtRest() {
    EXPECT_EQ(got[1], got[2]);
    EXPECT_EQ(got[0], got[1]);
    EXPECT_EQ(got[1]->Stats().live, 0u);
  }

  LazyInstance<internal::AnyTable> once;
  internal::AnyTable* got[3] = {};
};

TEST(HaftLockFreedomTest, NoThreadWaitsForATableThatAnotherMakes) {
  const CrashStops stops = StopAtEachStep(
      Operation<Makers>{"the first use", [](Makers& w) { w.got[0] = w.Get(); }},
      kWorkBound);
  EXPECT_FALSE(stops.blocks) << "stopped before step " << stops.steps;
  // The check, the making, and the entry.
  EXPECT_GT(stops.steps, 3u);
}

// ---------------------------------------------------------------------------
// Bounds on one's own steps: what the header's "wait-free" promises.

constexpr std::uint64_t kSchedules = testing::kSanitized ? 40 : 400;
// The gate and four loads, and one more if the handle is not live at the first
// or the second check. A type of another descriptor is read once more.
constexpr std::uint64_t kGate = 1, kAnyValue = 4, kValue = kGate + kAnyValue,
                        kRefusal = 1;

TEST(HaftWaitFreedomTest, NoOtherThreadAddsSteps) {
  const struct {
    Operation<World> operation;
    std::uint64_t steps;
  } bounded[] = {
      {{"haft_value",
        [](World& w) {
          void* object;
          EXPECT_EQ(haft_table_value(w.table, w.own[0], &kProbe, &object),
                    HAFT_OK);
        },
        kNothing, kOne},
       kValue},
      {{"haft_value of another type",
        [](World& w) {
          void* object;
          EXPECT_EQ(haft_table_value(w.table, w.own[0], &kOther, &object),
                    HAFT_WRONG_TYPE);
        },
        kNothing, kOne},
       kValue + kRefusal + kAnyValue},
      {{"haft_value of what is deleted",
        [](World& w) {
          void* object;
          EXPECT_EQ(haft_table_value(w.table, w.own[0], &kProbe, &object),
                    HAFT_STALE);
        },
        kNothing, kDeletedOne},
       kGate + 1 + kRefusal},
      {{"haft_value of what others delete", kValueOfShared}, kValue + kRefusal},
      {{"haft_check",
        [](World& w) { (void)haft_table_check(w.table, w.shared); }},
       1},
      // The check. A maker also enters its table and, if another was first,
      // loads that one.
      {{"what is made once",
        [](World& w) {
          (void)w.once.Get([] { return std::make_unique<int>(7); });
        }},
       3},
  };
  for (const auto& [operation, steps] : bounded) {
    const std::uint64_t most = MostSteps(operation, kSchedules);
    EXPECT_GT(most, 0u) << operation.name;
    EXPECT_LE(most, steps) << operation.name;
  }
}

// The handles after the last visit cost nothing, because they are not examined.
TEST(HaftWaitFreedomTest, WalkThatIsEndedLeavesTheRest) {
  const auto steps = [](unsigned others, int until) {
    std::uint64_t taken = 0;
    World world;
    for (unsigned i = 0; i < others; ++i) (void)world.New();
    EXPECT_FALSE(schedule::Run({}, {schedule::Newborn([&] {
                                 schedule::EnsureIndex();
                                 schedule::BeginOperation();
                                 world.Walk(until);
                                 taken = schedule::EndOperation();
                               })})
                     .stuck);
    return taken;
  };
  EXPECT_EQ(steps(20, 1), steps(0, 1));
  EXPECT_EQ(steps(20, 5), steps(4, 5));
  EXPECT_GT(steps(20, ~0), steps(4, ~0));
}

}  // namespace
}  // namespace haft
