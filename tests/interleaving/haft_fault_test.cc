// Tests of the C ABI and the process-wide C++ API without memory. The statuses
// are exact, nothing is lost, and the rest works.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "haft/haft.h"
#include "haft/internal/base/sync.h"
#include "haft/process_table.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

// ---------------------------------------------------------------------------
// What allocates: tables by aligned_alloc, scopes, listeners, histories and
// interned objects by malloc, the arrays of scopes and reports by realloc (each
// linked as __wrap_...); the facility's owners by a new that does not throw

namespace haft::testing {
inline FaultPoint tables, parts, growths, owners;
}  // namespace haft::testing

extern "C" void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
extern "C" void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return haft::testing::tables.Fails() ? nullptr
                                       : __real_aligned_alloc(alignment, size);
}
extern "C" void* __real_malloc(std::size_t size);
extern "C" void* __wrap_malloc(std::size_t size) {
  return haft::testing::parts.Fails() ? nullptr : __real_malloc(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return haft::testing::owners.Fails() ? nullptr : operator new(size);
}
extern "C" void* __real_realloc(void* memory, std::size_t size);
extern "C" void* __wrap_realloc(void* memory, std::size_t size) {
  return haft::testing::growths.Fails() ? nullptr
                                        : __real_realloc(memory, size);
}

namespace haft {
namespace {

using testing::FaultPoint;
using testing::growths;
using testing::hooks;
using testing::InChild;
using testing::owners;
using testing::parts;
using testing::ranges;
using testing::reservations;
using testing::tables;

constexpr std::size_t kCapacity = 100;

// An object that counts its destructions in the counter it points to.
void Count(void* object) { ++*static_cast<int*>(object); }
constexpr haft_type kCounter = {"counter", "counter", &Count, 0, 0};
constexpr haft_type kOther = {"other", "other", nullptr, 0, 0};

class TableDeleter {
 public:
  void operator()(haft_table* table) const { haft_table_destroy(table); }
};
using TablePointer = std::unique_ptr<haft_table, TableDeleter>;

TablePointer MakeTable() {
  haft_table* table = nullptr;
  EXPECT_EQ(haft_table_create(kCapacity, &table), HAFT_OK);
  return TablePointer(table);
}
haft_handle Make(haft_table* table, int* destroyed) {
  haft_handle handle = 0;
  EXPECT_EQ(haft_table_new(table, destroyed, &kCounter, &handle), HAFT_OK);
  return handle;
}
haft_stats StatsOf(haft_table* table) {
  haft_stats stats{};
  EXPECT_EQ(haft_table_stats(table, &stats), HAFT_OK);
  return stats;
}

// Expects that the empty table holds its capacity and gives all back, through
// every place that keeps handles.
void ExpectUsable(haft_table* table) {
  ASSERT_EQ(StatsOf(table).live, 0u);
  for (int round = 0; round < 2; ++round) {
    std::vector<int> destroyed(kCapacity);
    haft_scope* scope = nullptr;
    ASSERT_EQ(haft_scope_open(table, &scope), HAFT_OK);
    for (int& counter : destroyed) {
      const haft_handle handle = Make(table, &counter);
      ASSERT_EQ(haft_scope_add(scope, handle), HAFT_OK);
      haft_pin pin;
      void* object = nullptr;
      ASSERT_EQ(haft_table_pin_object(table, handle, &kCounter, &pin, &object),
                HAFT_OK);
      EXPECT_EQ(object, &counter);
      haft_unpin(&pin);
    }
    EXPECT_EQ(StatsOf(table).live, kCapacity);
    EXPECT_EQ(haft_scope_close(scope), kCapacity);
    EXPECT_EQ(destroyed, std::vector<int>(kCapacity, 1));
  }
  EXPECT_EQ(StatsOf(table).live, 0u);
}

// Returns how often f makes a call that may fail there.
template <typename F>
unsigned CallsIn(FaultPoint& point, F&& f) {
  point.Stop();
  f();
  return point.Stop();
}

// ---------------------------------------------------------------------------
// The history of a table

// It comes first, because diagnostics are turned on before there is a table.
TEST(HistoryFaultTest, HistoryOfATableCannotBeHad) {
  InChild([] {
    ASSERT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    // The first table leaves its places in the registry to the next one.
    ExpectUsable(MakeTable().get());
    const std::size_t before = ranges.count();
    haft_table* table = nullptr;
    parts.FailAll();
    EXPECT_EQ(haft_table_create(kCapacity, &table), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(parts.Stop(), 1u);
    EXPECT_EQ(table, nullptr);
    EXPECT_EQ(ranges.count(), before);
    ExpectUsable(MakeTable().get());
  });
}

// ---------------------------------------------------------------------------
// Tables of one's own

TEST(TableFaultTest, EachReservationFailsInTurn) {
  const std::size_t before = ranges.count();
  const unsigned needed = CallsIn(reservations, [] { (void)MakeTable(); });
  EXPECT_GE(needed, 3u);
  for (unsigned first = 1; first <= needed; ++first) {
    // This call fails alone, or with all calls after it.
    for (const unsigned last : {first, needed}) {
      haft_table* table = nullptr;
      reservations.Fail(first, last);
      EXPECT_EQ(haft_table_create(kCapacity, &table), HAFT_OUT_OF_MEMORY);
      reservations.Stop();
      EXPECT_EQ(table, nullptr);
      EXPECT_EQ(ranges.count(), before) << first << ".." << last;
    }
    ExpectUsable(MakeTable().get());
  }
  EXPECT_EQ(ranges.count(), before);
  // A table that exists reserves nothing more.
  const TablePointer table = MakeTable();
  reservations.FailAll();
  ExpectUsable(table.get());
  EXPECT_EQ(reservations.Stop(), 0u);
}

TEST(TableFaultTest, AllocationOfTheTableFails) {
  haft_table* table = nullptr;
  reservations.Stop();
  tables.FailAll();
  EXPECT_EQ(haft_table_create(kCapacity, &table), HAFT_OUT_OF_MEMORY);
  EXPECT_EQ(tables.Stop(), 1u);
  EXPECT_EQ(reservations.Stop(), 0u);
  EXPECT_EQ(table, nullptr);
  ExpectUsable(MakeTable().get());
}

TEST(TableFaultTest, TableTooLargeIsNotTakenForMissingMemory) {
  haft_table* table = nullptr;
  reservations.FailAll();
  tables.FailAll();
  EXPECT_EQ(haft_table_create(~std::size_t{0}, &table), HAFT_FULL);
  EXPECT_EQ(reservations.Stop() + tables.Stop(), 0u);
}

// A thread without a hook for its end has no index.
TEST(TableFaultTest, ThereAreNoHooks) {
  const TablePointer table = MakeTable();
  hooks.FailAll();
  std::thread([&] {
    ExpectUsable(table.get());
    EXPECT_EQ(internal::sync::ThisThread().index.load(), 0u);
  }).join();
  EXPECT_GT(hooks.Stop(), 0u);
  ExpectUsable(table.get());
}

// ---------------------------------------------------------------------------
// The process's table, in children that have not made it yet

// Every call that needs memory, and its result without it.
struct Call {
  const char* name;
  std::function<bool()> is_refused;
};
std::vector<Call> CallsOfTheProcessTable() {
  // No table has issued it.
  constexpr haft_handle kHandle = 0x123457;
  constexpr auto kNoVisit = [](void*, haft_handle, const haft_type*, void*) {
    ADD_FAILURE() << "visits in no table";
    return 1;
  };
  constexpr auto kNoLine = [](void*, const char*) {
    ADD_FAILURE() << "reports in no table";
  };
  static int counter;
  static void* object;
  static haft_handle handle;
  static haft_pin pin;
  const auto refuses = [](auto call) {
    return [call] {
      object = &object, handle = 77, pin = {};
      return call() == HAFT_OUT_OF_MEMORY && object == &object &&
             handle == 77 && pin.words[1] == 0;
    };
  };
  return {
      {"haft_new",
       refuses([] { return haft_new(&counter, &kCounter, &handle); })},
      {"haft_new_with", refuses([] {
         return haft_new_with(&counter, &kCounter, &Count, &counter, &handle);
       })},
      {"haft_value",
       refuses([] { return haft_value(kHandle, nullptr, &object); })},
      {"haft_check", refuses([] { return haft_check(kHandle); })},
      {"haft_pin_object", refuses([] {
         return haft_pin_object(kHandle, nullptr, &pin, &object);
       })},
      {"haft_delete", refuses([] { return haft_delete(kHandle, nullptr); })},
      {"haft_delete, of a type",
       refuses([] { return haft_delete(kHandle, &kCounter); })},
      {"haft_delete_unless_pinned",
       refuses([] { return haft_delete_unless_pinned(kHandle, nullptr); })},
      {"haft_delete_and_wait",
       refuses([] { return haft_delete_and_wait(kHandle, nullptr, 1); })},
      {"haft_take",
       refuses([] { return haft_take(kHandle, nullptr, &object); })},
      {"haft_take_owned", refuses([] {
         void (*destroy)(void*) = nullptr;
         return haft_take_owned(kHandle, nullptr, &object, &destroy, &object);
       })},
      {"haft_intern",
       refuses([] { return haft_intern(&counter, &kCounter, &handle); })},
      {"haft_release", refuses([] { return haft_release(kHandle); })},
      {"haft_prepare", refuses([] { return haft_prepare(1); })},
      {"haft_table_prepare",
       refuses([] { return haft_table_prepare(nullptr, 1); })},
      {"haft_table_stats", refuses([] {
         haft_stats stats;
         return haft_table_stats(nullptr, &stats);
       })},
      {"haft_table_new_batch", refuses([] {
         void* const objects[] = {&counter};
         std::size_t made = 7;
         const haft_status status = haft_table_new_batch(
             nullptr, objects, 1, &kCounter, &handle, &made);
         EXPECT_EQ(made, 0u);
         return status;
       })},
      {"haft_table_delete_batch", refuses([] {
         const haft_handle handles[] = {kHandle};
         haft_status status = HAFT_OK;
         EXPECT_EQ(
             haft_table_delete_batch(nullptr, handles, 1, nullptr, &status),
             0u);
         return status;
       })},
      {"haft_table_for_each",
       [=] { return haft_table_for_each(nullptr, kNoVisit, nullptr) == 0; }},
      {"haft_table_report",
       [=] { return haft_table_report(nullptr, 9, kNoLine, nullptr) == 0; }},
      {"haft_table_describe",
       [] { return haft_table_describe(nullptr, kHandle, nullptr, 0) == 0; }},
      {"a scope's end",
       [] {
         haft_scope* scope = nullptr;
         return haft_scope_open(nullptr, &scope) == HAFT_OK &&
                haft_scope_add(scope, kHandle) == HAFT_OK &&
                haft_scope_close(scope) == 0;
       }},
      {"New of the facility",
       [] {
         Status why = Status::kOk;
         return haft::New(&counter, &why) == kNullHandle &&
                why == Status::kOutOfMemory;
       }},
      {"Pin of the facility",
       [] {
         return haft::Pin<int>(Handle(kHandle)).status() ==
                Status::kOutOfMemory;
       }},
  };
}

void ExpectProcessTableUsable() {
  int destroyed = 0;
  haft_handle handle = 0;
  ASSERT_EQ(haft_new(&destroyed, &kCounter, &handle), HAFT_OK);
  EXPECT_EQ(haft_check(handle), HAFT_OK);
  EXPECT_EQ(haft_delete(handle, &kCounter), HAFT_OK);
  EXPECT_EQ(destroyed, 1);
  ExpectUsable(nullptr);
}

TEST(ProcessTableFaultTest, EachCallIsRefusedUntilThereIsMemory) {
  setenv("HAFT_CAPACITY", "100", 1);
  for (const Call& call : CallsOfTheProcessTable()) {
    SCOPED_TRACE(call.name);
    InChild([&] {
      reservations.FailAll();
      for (int i = 0; i < 3; ++i) EXPECT_TRUE(call.is_refused());
      EXPECT_GT(reservations.Stop(), 0u);
      EXPECT_EQ(ranges.count(), 0u);
      tables.FailAll();
      EXPECT_TRUE(call.is_refused());
      EXPECT_EQ(tables.Stop(), 1u);
      ExpectProcessTableUsable();
    });
  }
}

TEST(ProcessTableFaultTest, EachReservationFailsInTurn) {
  setenv("HAFT_CAPACITY", "100", 1);
  InChild([] {
    const std::vector<Call> calls = CallsOfTheProcessTable();
    // As many reservations as for another table of that capacity.
    const unsigned needed = CallsIn(reservations, [] { (void)MakeTable(); });
    for (unsigned k = 1; k <= needed; ++k) {
      for (const Call& call : calls) {
        reservations.Fail(k, k);
        EXPECT_TRUE(call.is_refused()) << call.name << ", " << k;
        EXPECT_EQ(reservations.Stop(), needed);
        EXPECT_EQ(ranges.count(), 0u) << call.name << ", " << k;
      }
    }
    ExpectProcessTableUsable();
    // Now the table exists and reserves nothing more.
    reservations.FailAll();
    tables.FailAll();
    ExpectProcessTableUsable();
    EXPECT_EQ(reservations.Stop() + tables.Stop(), 0u);
  });
}

// Invalid arguments are reported even without a table.
TEST(ProcessTableFaultTest, InvalidCallsMakeNoTable) {
  InChild([] {
    reservations.FailAll();
    haft_handle handle = 0;
    EXPECT_EQ(haft_new(nullptr, nullptr, &handle), HAFT_INVALID);
    EXPECT_EQ(haft_new(nullptr, &kOther, nullptr), HAFT_INVALID);
    EXPECT_EQ(haft_value(1, nullptr, nullptr), HAFT_INVALID);
    EXPECT_EQ(haft_pin_object(1, nullptr, nullptr, nullptr), HAFT_INVALID);
    EXPECT_EQ(haft_take(1, nullptr, nullptr), HAFT_INVALID);
    EXPECT_EQ(haft_table_stats(nullptr, nullptr), HAFT_INVALID);
    EXPECT_EQ(reservations.Stop(), 0u);
  });
}

TEST(ProcessTableFaultDeathTest, MustFormsSayThatThereIsNoMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        reservations.FailAll();
        (void)haft_must_value(1, &kOther);
      },
      "haft_must_value, wanted: a other: out of memory");
  EXPECT_DEATH(
      {
        reservations.FailAll();
        haft_must_delete(1, nullptr);
      },
      "haft_must_delete, wanted: any type: out of memory");
}

// ---------------------------------------------------------------------------
// Diagnostics and interned objects

TEST(DiagnosticsFaultTest, CallbackCannotBeKept) {
  InChild([] {
    static int refusals = 0;
    const auto count = [](void*, haft_table*, haft_handle, haft_status,
                          const char*) { ++refusals; };
    const TablePointer table = MakeTable();
    parts.FailAll();
    EXPECT_EQ(haft_set_refusal_callback(count, nullptr, 0), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(parts.Stop(), 1u);
    EXPECT_EQ(haft_table_delete(table.get(), 2, nullptr), HAFT_MALFORMED);
    EXPECT_EQ(refusals, 0);
    EXPECT_EQ(haft_set_refusal_callback(count, nullptr, 0), HAFT_OK);
    parts.FailAll();
    EXPECT_EQ(haft_table_delete(table.get(), 2, nullptr), HAFT_MALFORMED);
    EXPECT_EQ(parts.Stop(), 0u) << "a report needs no memory";
    EXPECT_EQ(refusals, 1);
  });
}

TEST(InternFaultTest, EntryCannotBeHad) {
  const TablePointer table = MakeTable();
  int destroyed = 0;
  haft_handle handle = 7;
  const auto intern = [&] {
    return haft_table_intern(table.get(), &destroyed, &kCounter, &handle);
  };
  parts.FailAll();
  EXPECT_EQ(intern(), HAFT_OUT_OF_MEMORY);
  EXPECT_EQ(parts.Stop(), 1u);
  EXPECT_EQ(handle, 7u);
  EXPECT_EQ(StatsOf(table.get()).live, 0u);
  EXPECT_EQ(intern(), HAFT_OK);
  EXPECT_EQ(haft_table_release(table.get(), handle), HAFT_OK);
  EXPECT_EQ(destroyed, 1);
}

// ---------------------------------------------------------------------------
// Scopes

TEST(ScopeFaultTest, ScopeItselfCannotBeHad) {
  const TablePointer table = MakeTable();
  haft_scope* scope = nullptr;
  parts.FailAll();
  EXPECT_EQ(haft_scope_open(table.get(), &scope), HAFT_OUT_OF_MEMORY);
  EXPECT_EQ(parts.Stop(), 1u);
  EXPECT_EQ(scope, nullptr);
}

constexpr std::size_t kMany = 70;  // for which a scope grows three times

// A handle for which there was no memory is not in the scope, and the earlier
// ones still are.
TEST(ScopeFaultTest, EachGrowthFailsInTurn) {
  const TablePointer table = MakeTable();
  unsigned failures = 0;
  for (unsigned k = 1;; ++k) {
    std::vector<int> destroyed(kMany);
    std::vector<haft_handle> handles;
    for (int& counter : destroyed)
      handles.push_back(Make(table.get(), &counter));
    haft_scope* scope = nullptr;
    ASSERT_EQ(haft_scope_open(table.get(), &scope), HAFT_OK);
    growths.Fail(k, k);
    std::optional<std::size_t> refused;
    for (std::size_t i = 0; i < kMany; ++i) {
      const haft_status status = haft_scope_add(scope, handles[i]);
      if (status == HAFT_OK) continue;
      EXPECT_EQ(status, HAFT_OUT_OF_MEMORY);
      EXPECT_FALSE(refused.has_value());
      refused = i;
      EXPECT_EQ(haft_scope_escape(scope, handles[i], nullptr),
                HAFT_NEVER_ISSUED);
    }
    (void)growths.Stop();
    EXPECT_EQ(haft_scope_close(scope), kMany - refused.has_value());
    for (std::size_t i = 0; i < kMany; ++i) {
      const bool is_left = refused == i;
      EXPECT_EQ(destroyed[i], is_left ? 0 : 1);
      EXPECT_EQ(haft_table_check(table.get(), handles[i]),
                is_left ? HAFT_OK : HAFT_STALE);
    }
    if (!refused.has_value()) break;
    ++failures;
    EXPECT_EQ(haft_table_delete(table.get(), handles[*refused], &kCounter),
              HAFT_OK);
  }
  EXPECT_EQ(failures, 4u);
  ExpectUsable(table.get());
}

// A handle for which the outer scope has no memory stays in the inner one.
TEST(ScopeFaultTest, EachGrowthByAnEscapeFailsInTurn) {
  const TablePointer table = MakeTable();
  unsigned failures = 0;
  for (unsigned k = 1;; ++k) {
    std::vector<int> destroyed(kMany);
    std::vector<haft_handle> handles;
    haft_scope *inner = nullptr, *outer = nullptr;
    ASSERT_EQ(haft_scope_open(table.get(), &inner), HAFT_OK);
    ASSERT_EQ(haft_scope_open(table.get(), &outer), HAFT_OK);
    for (int& counter : destroyed) {
      handles.push_back(Make(table.get(), &counter));
      ASSERT_EQ(haft_scope_add(inner, handles.back()), HAFT_OK);
    }
    growths.Fail(k, k);
    std::set<haft_handle> escaped;
    for (const haft_handle handle : handles) {
      const haft_status status = haft_scope_escape(inner, handle, outer);
      if (status == HAFT_OK) {
        escaped.insert(handle);
      } else {
        EXPECT_EQ(status, HAFT_OUT_OF_MEMORY);
      }
      EXPECT_EQ(haft_table_check(table.get(), handle), HAFT_OK);
    }
    (void)growths.Stop();
    EXPECT_EQ(haft_scope_close(inner), kMany - escaped.size());
    for (const haft_handle handle : handles) {
      EXPECT_EQ(haft_table_check(table.get(), handle),
                escaped.count(handle) != 0 ? HAFT_OK : HAFT_STALE);
    }
    EXPECT_EQ(haft_scope_close(outer), escaped.size());
    EXPECT_EQ(destroyed, std::vector<int>(kMany, 1));
    if (escaped.size() == kMany) break;
    ++failures;
  }
  EXPECT_EQ(failures, 4u);
  ExpectUsable(table.get());
}

// ---------------------------------------------------------------------------
// Reports

struct Lines {
  std::vector<std::string> all;
  static void Take(void* context, const char* text) {
    static_cast<Lines*>(context)->all.emplace_back(text);
  }
};

TEST(ReportFaultTest, EachGrowthFailsInTurn) {
  // There are more types than its array has room for at first.
  constexpr std::size_t kTypes = 40;
  std::vector<std::string> names;
  std::vector<haft_type> types;
  for (std::size_t i = 0; i < kTypes; ++i) names.push_back(std::to_string(i));
  for (const std::string& name : names)
    types.push_back({name.c_str(), nullptr, &Count, 0, 0});
  int destroyed = 0;
  TablePointer table = MakeTable();
  for (const haft_type& type : types) {
    haft_handle handle;
    ASSERT_EQ(haft_table_new(table.get(), &destroyed, &type, &handle), HAFT_OK);
  }
  for (unsigned k = 1;; ++k) {
    Lines lines;
    growths.Fail(k, ~0u);
    EXPECT_EQ(haft_table_report(table.get(), 3, &Lines::Take, &lines), kTypes);
    const bool failed = growths.Stop() >= k;
    // Three lines are about single objects, and the others about types.
    const std::size_t counted = k == 1 ? 0 : std::size_t{8} << (k - 1);
    EXPECT_EQ(lines.all.size(), 3 + (failed ? counted + 1 : kTypes));
    EXPECT_EQ(lines.all.back() ==
                  "others are not counted, because there is no memory",
              failed);
    if (!failed) break;
    ASSERT_LT(k, 5u);
  }
  // Nothing has stayed pinned.
  table.reset();
  EXPECT_EQ(destroyed, static_cast<int>(kTypes));
}

// ---------------------------------------------------------------------------
// The facility

int objects = 0;
class Counted {
 public:
  Counted() { ++objects; }
  Counted(Counted&& other) noexcept { ++objects, other.moved_ = true; }
  ~Counted() { --objects; }
  bool moved() const { return moved_; }

 private:
  bool moved_ = false;
};

// In each way to make a handle, each allocation fails in turn, or the table is
// full. The object then still belongs to the caller.
void ExpectNothingMade(Status because) {
  Status why = Status::kOk;
  Counted object;
  EXPECT_EQ(New(std::move(object), &why), kNullHandle);
  EXPECT_EQ(why, because);
  EXPECT_EQ(object.moved(), because == Status::kFull);
  EXPECT_EQ(objects, 1);
  std::unique_ptr<Counted, void (*)(Counted*)> unique(
      &object, [](Counted*) { ADD_FAILURE() << "nobody has let go of it"; });
  EXPECT_EQ(New(std::move(unique), &why), kNullHandle);
  EXPECT_EQ(why, because);
  EXPECT_EQ(unique.release(), &object);
  const auto shared = std::make_shared<Counted>();
  EXPECT_EQ(New(shared, &why), kNullHandle);
  EXPECT_EQ(why, because);
  EXPECT_EQ(shared.use_count(), 1);
  HandleScope scope;
  EXPECT_EQ(scope.New(shared, &why), kNullHandle);
  EXPECT_EQ(why, because);
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(FacilityFaultTest, OwnersCannotBeHad) {
  {
    owners.FailAll();
    parts.FailAll();
    ExpectNothingMade(Status::kOutOfMemory);
    // Three owners, and the scope, which then asks for none.
    EXPECT_EQ(owners.Stop(), 3u);
    EXPECT_EQ(parts.Stop(), 1u);
  }
  EXPECT_EQ(objects, 0);
}

TEST(FacilityFaultTest, TableIsFull) {
  setenv("HAFT_CAPACITY", "10", 1);
  InChild([] {
    int borrowed = 0;
    std::vector<Handle> handles;
    Status why = Status::kOk;
    while (const Handle handle = New(&borrowed, &why))
      handles.push_back(handle);
    EXPECT_EQ(why, Status::kFull);
    EXPECT_GE(handles.size(), 10u);
    ExpectNothingMade(Status::kFull);
    EXPECT_EQ(objects, 0);
    auto unique = std::make_unique<Counted>();
    EXPECT_EQ(New(std::move(unique), &why), kNullHandle);
    EXPECT_EQ(why, Status::kFull);
    EXPECT_NE(unique, nullptr);
    EXPECT_EQ(Delete(handles.back()), Status::kOk);
    const Handle handle = New(std::move(unique), &why);
    EXPECT_EQ(why, Status::kOk);
    EXPECT_EQ(unique, nullptr);
    EXPECT_EQ(Delete(handle), Status::kOk);
    EXPECT_EQ(objects, 0);
  });
}

TEST(FacilityFaultTest, TableCannotBeHad) {
  InChild([] {
    reservations.FailAll();
    auto unique = std::make_unique<Counted>();
    Status why = Status::kOk;
    EXPECT_EQ(New(std::move(unique), &why), kNullHandle);
    EXPECT_EQ(why, Status::kOutOfMemory);
    EXPECT_NE(unique, nullptr);
    const auto shared = std::make_shared<Counted>();
    EXPECT_EQ(New(shared, &why), kNullHandle);
    EXPECT_EQ(why, Status::kOutOfMemory);
    EXPECT_EQ(shared.use_count(), 1);
    EXPECT_EQ(Value<Counted>(Handle(1), &why), nullptr);
    EXPECT_EQ(why, Status::kOutOfMemory);
    EXPECT_EQ(Delete(Handle(1)), Status::kOutOfMemory);
    EXPECT_GT(reservations.Stop(), 0u);
  });
}

// A scope without memory takes nothing in. An object that it should hold is
// deleted or stays the caller's.
TEST(FacilityFaultTest, ScopeCannotBeHad) {
  parts.FailAll();
  HandleScope scope;
  EXPECT_EQ(parts.Stop(), 1u);
  Status why = Status::kOk;
  EXPECT_EQ(scope.New(Counted(), &why), kNullHandle);
  EXPECT_EQ(why, Status::kOutOfMemory);
  EXPECT_EQ(objects, 0);
  const Handle handle = New(Counted());
  EXPECT_FALSE(scope.Add(handle));
  EXPECT_EQ(scope.Escape(handle), Status::kInvalid);
  EXPECT_EQ(Delete(handle), Status::kOk);
  EXPECT_EQ(objects, 0);
}

TEST(FacilityFaultTest, ScopeCannotGrow) {
  {
    HandleScope scope;
    for (int i = 0; i < 16; ++i) EXPECT_NE(scope.New(Counted()), kNullHandle);
    growths.FailAll();
    Status why = Status::kOk;
    EXPECT_EQ(scope.New(Counted(), &why), kNullHandle);
    EXPECT_EQ(why, Status::kOutOfMemory);
    EXPECT_EQ(objects, 16);
    auto owner = std::make_unique<Counted>();
    EXPECT_EQ(scope.New(std::move(owner), &why), kNullHandle);
    EXPECT_NE(owner, nullptr) << "it stays the caller's";
    owner.reset();
    EXPECT_EQ(objects, 16);
    growths.Stop();
    EXPECT_NE(scope.New(Counted(), &why), kNullHandle);
    EXPECT_EQ(objects, 17);
  }
  EXPECT_EQ(objects, 0);
}

}  // namespace
}  // namespace haft
