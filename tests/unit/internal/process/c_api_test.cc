// Each function of the C ABI: the arguments that it refuses, its answers, and
// its answers in a process without memory. tests/unit/haft_test.cc has the
// threads and the forks.

#include <gtest/gtest.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "haft/haft.h"
#include "haft/internal/process/any_table.h"
#include "haft/view.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

// The test that C programs compile, as one function.
namespace as_in_c {
#define main Smoke
#include "tests/consumer/c/smoke.c"
#undef main
#undef EXPECT
}  // namespace as_in_c

namespace {

using haft::internal::AnyTable;
using haft::testing::InChild;
using haft::testing::TakeAllMemory;

constexpr haft_type kBorrowed = {"borrowed", nullptr, nullptr, 0, 0};
constexpr haft_type kOther = {"other", nullptr, nullptr, 0, 0};

void Count(void* context) { ++*static_cast<int*>(context); }
constexpr haft_type kCounted = {"counted", nullptr, &Count, 0, 0};

haft_table* MakeTable(std::size_t capacity) {
  haft_table* table = nullptr;
  EXPECT_EQ(haft_table_create(capacity, &table), HAFT_OK);
  return table;
}

haft_handle MakeIn(haft_table* table, void* object = nullptr,
                   const haft_type* type = &kBorrowed) {
  haft_handle handle = 0;
  EXPECT_EQ(haft_table_new(table, object, type, &handle), HAFT_OK);
  return handle;
}

// First, because children of a process with a table have one as well.
TEST(CFirstCallTest, AtFirstEachFigureIsZero) {
  InChild([] {
    haft_table* const table = MakeTable(10);
    haft_stats stats;
    ASSERT_EQ(haft_table_stats(table, &stats), HAFT_OK);
    EXPECT_EQ(stats.live, 0u);
    EXPECT_EQ(stats.retired_objects, 0u);
    EXPECT_EQ(stats.created, 0u);
    EXPECT_EQ(stats.deleted, 0u);
    EXPECT_EQ(stats.exhausted_slots, 0u);
    EXPECT_EQ(stats.high_water, 0u);
    EXPECT_EQ(stats.capacity, 10u);
    EXPECT_EQ(stats.lost_caches, 0u);
    EXPECT_EQ(stats.refused_unpins, 0u);
  });
}

TEST(CMemoryTest, WithoutMemoryForTheProcessesTableEachCallSaysSo) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    haft_scope* scope = nullptr;
    ASSERT_EQ(haft_scope_open(nullptr, &scope), HAFT_OK);
    ASSERT_EQ(haft_scope_add(scope, MakeIn(MakeTable(10))), HAFT_OK);
    TakeAllMemory();
    int object = 0;
    void* objects[] = {&object};
    void* found = &object;
    haft_handle handle = 7;
    haft_handle handles[] = {1};
    haft_status statuses[] = {HAFT_OK};
    haft_pin pin;
    haft_stats stats;
    std::size_t made = 7;
    char text[100];
    void (*destroy)(void*) = nullptr;
    EXPECT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_new_at(&object, &kBorrowed, &handle, "file", 1),
              HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_new_with(&object, &kBorrowed, nullptr, nullptr, &handle),
              HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(
        haft_table_new_batch(nullptr, objects, 1, &kBorrowed, handles, &made),
        HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(made, 0u);
    EXPECT_EQ(haft_intern(&object, &kBorrowed, &handle), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(handle, 7u);
    EXPECT_EQ(haft_release(1), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_check(1), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_value(1, nullptr, &found), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_pin_object(1, nullptr, &pin, &found), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_delete(1, nullptr), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_delete_unless_pinned(1, nullptr), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_delete_and_wait(1, nullptr, 0), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_take(1, nullptr, &found), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_take_owned(1, nullptr, &found, &destroy, &found),
              HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(found, &object);
    EXPECT_EQ(haft_table_delete_batch(nullptr, handles, 1, nullptr, statuses),
              0u);
    EXPECT_EQ(statuses[0], HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_table_stats(nullptr, &stats), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_table_for_each(
                  nullptr,
                  [](void*, haft_handle, const haft_type*, void*) { return 1; },
                  nullptr),
              0);
    EXPECT_EQ(haft_prepare(0), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_table_prepare(nullptr, SIZE_MAX), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_table_trim(nullptr), 0u);
    EXPECT_EQ(haft_trim(), 0u);
    EXPECT_EQ(haft_describe(1, text, sizeof(text)), 0u);
    EXPECT_EQ(haft_table_report(
                  nullptr, 1, [](void*, const char*) {}, nullptr),
              0u);
    EXPECT_EQ(haft_scope_close(scope), 0u);
  });
}

TEST(CMemoryTest, WithoutMemoryTablesAndScopesAreRefused) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    haft_scope* full = nullptr;
    ASSERT_EQ(haft_scope_open(nullptr, &full), HAFT_OK);
    haft_scope* empty = nullptr;
    ASSERT_EQ(haft_scope_open(nullptr, &empty), HAFT_OK);
    TakeAllMemory();
    haft_handle last = 0;
    haft_status status = HAFT_OK;
    while (last < 10000 && (status = haft_scope_add(full, ++last)) == HAFT_OK) {
    }
    EXPECT_EQ(status, HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_scope_reserve(full), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_scope_escape(full, last, nullptr), HAFT_NEVER_ISSUED)
        << "it was refused";
    EXPECT_EQ(haft_scope_add(empty, 3), HAFT_OUT_OF_MEMORY);
    if (last > 1) {
      EXPECT_EQ(haft_scope_escape(full, 1, empty), HAFT_OUT_OF_MEMORY);
      EXPECT_EQ(haft_scope_escape(full, 1, nullptr), HAFT_OK)
          << "it had stayed";
    }
    haft_scope* scope = full;
    haft_status opened = HAFT_OK;
    for (int i = 0; i < 10000 && opened == HAFT_OK; ++i)
      opened = haft_scope_open(nullptr, &scope);
    EXPECT_EQ(opened, HAFT_OUT_OF_MEMORY);
    haft_table* table = nullptr;
    EXPECT_EQ(haft_table_create(10, &table), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(table, nullptr);
  });
}

TEST(CMemoryTest, WithoutMemoryAReportSaysThatItCountsNoMore) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    haft_table* const table = MakeTable(10);
    MakeIn(table);
    MakeIn(table, nullptr, &kOther);
    TakeAllMemory();
    int lines = 0, excuses = 0;
    int* const counts[] = {&lines, &excuses};
    EXPECT_EQ(haft_table_report(
                  table, 0,
                  [](void* context, const char* text) {
                    int* const* const to = static_cast<int* const*>(context);
                    ++*to[0];
                    *to[1] += strstr(text, "no memory") != nullptr;
                  },
                  const_cast<int**>(counts)),
              2u);
    EXPECT_EQ(lines, 1);
    EXPECT_EQ(excuses, 1);
    EXPECT_EQ(haft_set_refusal_callback([](void*, haft_table*, haft_handle,
                                           haft_status, const char*) {},
                                        nullptr, 0),
              HAFT_OUT_OF_MEMORY);
  });
}

// The second scope has room, and its first one has none for another handle.
TEST(CMemoryTest, AHandleThatCannotEscapeStays) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    haft_scope *inner = nullptr, *outer = nullptr;
    ASSERT_EQ(haft_scope_open(nullptr, &inner), HAFT_OK);
    ASSERT_EQ(haft_scope_open(nullptr, &outer), HAFT_OK);
    ASSERT_EQ(haft_scope_add(inner, 1), HAFT_OK);
    TakeAllMemory();
    EXPECT_EQ(haft_scope_escape(inner, 1, outer), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_scope_escape(inner, 1, inner), HAFT_OK) << "it is there";
    EXPECT_EQ(haft_scope_escape(outer, 1, nullptr), HAFT_NEVER_ISSUED);
    EXPECT_EQ(haft_scope_escape(inner, 1, nullptr), HAFT_OK);
  });
}

TEST(CApiTest, HoldsWhatACProgramExpects) { EXPECT_EQ(as_in_c::Smoke(), 0); }

TEST(CApiTest, NullPointersAreInvalidAndChangeNothing) {
  haft_table* const table = MakeTable(10);
  haft_handle handle = 7;
  EXPECT_EQ(haft_table_new(table, &handle, nullptr, &handle), HAFT_INVALID);
  EXPECT_EQ(haft_table_new(table, &handle, &kBorrowed, nullptr), HAFT_INVALID);
  EXPECT_EQ(haft_new_at(&handle, nullptr, &handle, "file", 1), HAFT_INVALID);
  EXPECT_EQ(haft_new_at(&handle, &kBorrowed, nullptr, "file", 1), HAFT_INVALID);
  EXPECT_EQ(
      haft_table_new_with(table, &handle, nullptr, &Count, &handle, &handle),
      HAFT_INVALID);
  EXPECT_EQ(
      haft_table_new_with(table, &handle, &kBorrowed, &Count, &handle, nullptr),
      HAFT_INVALID);
  EXPECT_EQ(haft_new_with(&handle, nullptr, nullptr, nullptr, &handle),
            HAFT_INVALID);
  EXPECT_EQ(haft_table_new_with_at(table, &handle, nullptr, nullptr, nullptr,
                                   &handle, "file", 1),
            HAFT_INVALID);
  EXPECT_EQ(haft_table_new_with_at(table, &handle, &kBorrowed, nullptr, nullptr,
                                   nullptr, "file", 1),
            HAFT_INVALID);
  EXPECT_EQ(haft_intern(nullptr, &kBorrowed, &handle), HAFT_INVALID);
  EXPECT_EQ(haft_intern(&handle, nullptr, &handle), HAFT_INVALID);
  EXPECT_EQ(haft_intern(&handle, &kBorrowed, nullptr), HAFT_INVALID);
  EXPECT_EQ(haft_table_intern_with(table, &handle, nullptr, nullptr, nullptr,
                                   &handle),
            HAFT_INVALID);
  void* objects[] = {&handle};
  std::size_t made = 7;
  haft_handle handles[] = {7};
  EXPECT_EQ(haft_table_new_batch(table, objects, 1, nullptr, handles, &made),
            HAFT_INVALID);
  EXPECT_EQ(made, 0u);
  EXPECT_EQ(handles[0], 7u);
  EXPECT_EQ(handle, 7u);
  haft_stats stats;
  ASSERT_EQ(haft_table_stats(table, &stats), HAFT_OK);
  EXPECT_EQ(stats.created, 0u);

  const haft_handle live = MakeIn(table);
  haft_pin pin = {};
  void* found = nullptr;
  void (*destroy)(void*) = nullptr;
  EXPECT_EQ(haft_table_value(table, live, nullptr, nullptr), HAFT_INVALID);
  EXPECT_EQ(haft_table_pin_object(table, live, nullptr, nullptr, &found),
            HAFT_INVALID);
  EXPECT_EQ(haft_table_pin_object(table, live, nullptr, &pin, nullptr),
            HAFT_INVALID);
  EXPECT_EQ(haft_table_take(table, live, nullptr, nullptr), HAFT_INVALID);
  EXPECT_EQ(
      haft_table_take_owned(table, live, nullptr, nullptr, &destroy, &found),
      HAFT_INVALID);
  EXPECT_EQ(
      haft_table_take_owned(table, live, nullptr, &found, nullptr, &found),
      HAFT_INVALID);
  EXPECT_EQ(
      haft_table_take_owned(table, live, nullptr, &found, &destroy, nullptr),
      HAFT_INVALID);
  EXPECT_EQ(haft_table_delete_unless_pinned(table, live, nullptr), HAFT_OK)
      << "neither pinned nor taken";
  EXPECT_EQ(haft_table_for_each(table, nullptr, nullptr), 0);
  EXPECT_EQ(haft_table_report(table, 1, nullptr, nullptr), 0u);
  haft_table_destroy(table);
}

TEST(CApiTest, WithoutAVisitorNothingIsCounted) {
  haft_table* const table = MakeTable(10);
  MakeIn(table);
  EXPECT_EQ(haft_table_for_each(table, nullptr, nullptr), 0);
  EXPECT_EQ(haft_table_report(table, 1, nullptr, nullptr), 0u);
  haft_table_destroy(table);
}

TEST(CApiTest, TheLargestCapacityIsNotTooLarge) {
  haft_table* table = nullptr;
  const haft_status status = haft_table_create(AnyTable::kMaxCapacity, &table);
  EXPECT_TRUE(status == HAFT_OK || status == HAFT_OUT_OF_MEMORY) << status;
  haft_table_destroy(table);
  table = nullptr;
  EXPECT_EQ(haft_table_create(AnyTable::kMaxCapacity + 1, &table), HAFT_FULL);
  EXPECT_EQ(table, nullptr);
}

TEST(CApiTest, ATablesDestructionDestroysItsObjects) {
  haft_table* const table = MakeTable(10);
  int destroyed = 0;
  MakeIn(table, &destroyed, &kCounted);
  MakeIn(table, &destroyed, &kCounted);
  haft_table_destroy(table);
  EXPECT_EQ(destroyed, 2);
}

TEST(CApiTest, ForEachGivesHandleTypeAndObjectAndItsLastResult) {
  haft_table* const table = MakeTable(10);
  EXPECT_EQ(
      haft_table_for_each(
          table, [](void*, haft_handle, const haft_type*, void*) { return 1; },
          nullptr),
      0)
      << "there is none";
  struct Visited {
    haft_handle handle;
    const haft_type* type;
    void* object;
    int result;
    int visits;
  };
  int object = 0;
  const haft_handle handle = MakeIn(table, &object, &kOther);
  const auto visit = [](void* context, haft_handle visited,
                        const haft_type* type, void* at) {
    auto* const to = static_cast<Visited*>(context);
    *to = {visited, type, at, to->result, to->visits + 1};
    return to->result;
  };
  for (const int result : {0, 1, -3}) {
    Visited last = {0, nullptr, nullptr, result, 0};
    EXPECT_EQ(haft_table_for_each(table, visit, &last), result);
    EXPECT_EQ(last.handle, handle);
    EXPECT_EQ(last.type, &kOther);
    EXPECT_EQ(last.object, &object);
  }
  MakeIn(table, &object, &kOther);
  Visited all = {0, nullptr, nullptr, 0, 0};
  EXPECT_EQ(haft_table_for_each(table, visit, &all), 0);
  EXPECT_EQ(all.visits, 2);
  Visited first = {0, nullptr, nullptr, 5, 0};
  EXPECT_EQ(haft_table_for_each(table, visit, &first), 5);
  EXPECT_EQ(first.visits, 1);
  haft_table_destroy(table);
  EXPECT_GE(haft_table_for_each(nullptr, visit, &all), 0)
      << "null is the process's table";
}

TEST(CApiTest, StatsHaveEachFigureInItsPlace) {
  haft_table* const table = MakeTable(100);
  haft_handle handles[7];
  for (haft_handle& handle : handles) handle = MakeIn(table);
  haft_pin pin;
  void* object = nullptr;
  ASSERT_EQ(haft_table_pin_object(table, handles[0], nullptr, &pin, &object),
            HAFT_OK);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(haft_table_delete(table, handles[i], nullptr), HAFT_OK);
  haft_stats stats;
  ASSERT_EQ(haft_table_stats(table, &stats), HAFT_OK);
  EXPECT_EQ(stats.live, 4u);
  EXPECT_EQ(stats.retired_objects, 1u);
  EXPECT_EQ(stats.created, 7u);
  EXPECT_EQ(stats.deleted, 3u);
  EXPECT_EQ(stats.exhausted_slots, 0u);
  EXPECT_GE(stats.high_water, 7u);
  EXPECT_EQ(stats.capacity, 100u);
  EXPECT_EQ(stats.lost_caches, 0u);
  haft_unpin(&pin);
  haft_table_destroy(table);
}

TEST(CApiTest, NewWithDestroysTheContext) {
  haft_table* const table = MakeTable(10);
  int object = 0;
  int of_table = 0, of_process = 0, of_line = 0;
  haft_handle handle = 0;
  void* found = nullptr;
  ASSERT_EQ(
      haft_table_new_with(table, &object, &kOther, &Count, &of_table, &handle),
      HAFT_OK);
  EXPECT_EQ(haft_table_value(table, handle, &kOther, &found), HAFT_OK);
  EXPECT_EQ(found, &object);
  EXPECT_EQ(haft_table_delete(table, handle, &kOther), HAFT_OK);
  EXPECT_EQ(of_table, 1);
  ASSERT_EQ(haft_new_with(&object, &kOther, &Count, &of_process, &handle),
            HAFT_OK);
  EXPECT_EQ(haft_delete(handle, &kOther), HAFT_OK);
  EXPECT_EQ(of_process, 1);
  ASSERT_EQ(haft_table_new_with_at(table, &object, &kOther, &Count, &of_line,
                                   &handle, "file", 1),
            HAFT_OK);
  EXPECT_EQ(haft_table_delete_at(table, handle, &kOther, "file", 2), HAFT_OK);
  EXPECT_EQ(of_line, 1);
  EXPECT_EQ(object, 0);
  haft_table_destroy(table);
}

TEST(CApiTest, ABatchStopsAtTheFirstThatIsRefused) {
  haft_table* const table = MakeTable(2);
  int a = 0, b = 0;
  std::vector<void*> objects = {&a, &b};
  std::vector<haft_handle> handles(2, 0);
  std::size_t made = 0;
  ASSERT_EQ(haft_table_new_batch(table, objects.data(), 2, &kOther,
                                 handles.data(), &made),
            HAFT_OK);
  EXPECT_EQ(made, 2u);
  void* found = nullptr;
  EXPECT_EQ(haft_table_value(table, handles[0], &kOther, &found), HAFT_OK);
  EXPECT_EQ(found, &a);
  EXPECT_EQ(haft_table_value(table, handles[1], &kOther, &found), HAFT_OK);
  EXPECT_EQ(found, &b);
  EXPECT_EQ(
      haft_table_delete_batch(table, handles.data(), 2, &kBorrowed, nullptr),
      0u)
      << "of another type";
  haft_status statuses[] = {HAFT_FULL, HAFT_FULL, HAFT_FULL};
  EXPECT_EQ(haft_table_delete_batch(table, nullptr, 2, &kOther, statuses), 0u);
  EXPECT_EQ(statuses[0], HAFT_FULL);
  EXPECT_EQ(haft_table_delete_batch(table, handles.data(), 1, nullptr, nullptr),
            1u);
  EXPECT_EQ(
      haft_table_delete_batch(table, handles.data(), 2, &kOther, statuses), 1u);
  EXPECT_EQ(statuses[0], HAFT_STALE);
  EXPECT_EQ(statuses[1], HAFT_OK);
  EXPECT_EQ(statuses[2], HAFT_FULL) << "beyond the batch";
  haft_table_destroy(table);
}

TEST(CApiTest, AFullTableMakesAndInternsNothing) {
  haft_table* const table = MakeTable(2);
  haft_handle handle = 0;
  while (haft_table_new(table, nullptr, &kBorrowed, &handle) == HAFT_OK) {
  }
  handle = 7;
  int object = 0;
  EXPECT_EQ(haft_table_new(table, &object, &kBorrowed, &handle), HAFT_FULL);
  EXPECT_EQ(haft_table_intern(table, &object, &kBorrowed, &handle), HAFT_FULL);
  EXPECT_EQ(handle, 7u);
  haft_table_destroy(table);
}

TEST(CApiTest, EachEndingTakesItsTypeItsTableAndItsHandle) {
  haft_table* const own = MakeTable(10);
  for (haft_table* const table : {own, static_cast<haft_table*>(nullptr)}) {
    int destroyed = 0;
    const haft_handle one = MakeIn(table, &destroyed, &kCounted);
    const haft_handle two = MakeIn(table, &destroyed, &kCounted);
    const haft_handle three = MakeIn(table, &destroyed, &kCounted);
    EXPECT_EQ(haft_table_delete_unless_pinned(table, one, &kOther),
              HAFT_WRONG_TYPE);
    EXPECT_EQ(haft_table_delete_and_wait(table, two, &kOther, 0),
              HAFT_WRONG_TYPE);
    EXPECT_EQ(haft_table_delete_at(table, three, &kOther, nullptr, 0),
              HAFT_WRONG_TYPE);
    EXPECT_EQ(destroyed, 0);
    EXPECT_EQ(haft_table_delete_unless_pinned(table, one, &kCounted), HAFT_OK);
    EXPECT_EQ(haft_table_delete_and_wait(table, two, &kCounted, 0), HAFT_OK);
    EXPECT_EQ(haft_table_delete_at(table, three, &kCounted, nullptr, 0),
              HAFT_OK);
    EXPECT_EQ(destroyed, 3);
    EXPECT_EQ(haft_table_check(table, one), HAFT_STALE);
    EXPECT_EQ(haft_table_check(table, two), HAFT_STALE);
    EXPECT_EQ(haft_table_check(table, three), HAFT_STALE);
  }
  int destroyed = 0;
  const haft_handle one = MakeIn(nullptr, &destroyed, &kCounted);
  const haft_handle two = MakeIn(nullptr, &destroyed, &kCounted);
  EXPECT_EQ(haft_delete_unless_pinned(one, &kOther), HAFT_WRONG_TYPE);
  EXPECT_EQ(haft_delete_and_wait(two, &kOther, 0), HAFT_WRONG_TYPE);
  EXPECT_EQ(haft_delete_unless_pinned(one, &kCounted), HAFT_OK);
  EXPECT_EQ(haft_delete_and_wait(two, &kCounted, 0), HAFT_OK);
  EXPECT_EQ(destroyed, 2);
  haft_table_destroy(own);
}

TEST(CApiTest, TakeOfTheProcessesTableGivesTheObjectBack) {
  int object = 0;
  haft_handle handle = MakeIn(nullptr, &object, &kCounted);
  void* found = nullptr;
  EXPECT_EQ(haft_take(handle, &kOther, &found), HAFT_WRONG_TYPE);
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(haft_take(handle, &kCounted, &found), HAFT_OK);
  EXPECT_EQ(found, &object);
  EXPECT_EQ(haft_take(handle, &kCounted, &found), HAFT_STALE);
  EXPECT_EQ(object, 0);
  handle = MakeIn(nullptr, &object, &kCounted);
  void (*destroy)(void*) = nullptr;
  void* context = nullptr;
  EXPECT_EQ(haft_take_owned(handle, &kCounted, &found, &destroy, &context),
            HAFT_OK);
  EXPECT_EQ(found, &object);
  EXPECT_EQ(destroy, &Count);
  EXPECT_EQ(context, &object);
}

TEST(CApiTest, MustFormsAnswerAndEndTheProcessForABadHandle) {
  int object = 0;
  const haft_handle handle = MakeIn(nullptr, &object, &kCounted);
  EXPECT_EQ(haft_must_value(handle, &kCounted), &object);
  EXPECT_EQ(haft_must_value(handle, nullptr), &object);
  EXPECT_EQ(object, 0);
  haft_must_delete(handle, &kCounted);
  EXPECT_EQ(object, 1);
  EXPECT_EQ(haft_check(handle), HAFT_STALE);
}

TEST(CApiDeathTest, MustFormsEndTheProcessForABadHandle) {
  EXPECT_DEATH(haft_must_value(2, nullptr), "haft_must_value, wanted: any");
  EXPECT_DEATH(haft_must_delete(2, &kOther), "haft_must_delete, wanted: a oth");
}

TEST(CApiTest, UnpinZeroesThePin) {
  haft_table* const table = MakeTable(10);
  int object = 0;
  const haft_handle handle = MakeIn(table, &object);
  haft_pin pin;
  void* found = nullptr;
  ASSERT_EQ(haft_table_pin_object(table, handle, &kBorrowed, &pin, &found),
            HAFT_OK);
  EXPECT_EQ(found, &object);
  haft_pin copy = pin;
  haft_unpin(&pin);
  for (const std::uintptr_t word : pin.words) EXPECT_EQ(word, 0u);
  haft_stats before, after;
  ASSERT_EQ(haft_table_stats(table, &before), HAFT_OK);
  haft_unpin(&pin);
  ASSERT_EQ(haft_table_stats(table, &after), HAFT_OK);
  EXPECT_EQ(after.refused_unpins, before.refused_unpins);
  haft_unpin(&copy);
  ASSERT_EQ(haft_table_stats(table, &after), HAFT_OK);
  EXPECT_EQ(after.refused_unpins, before.refused_unpins + 1);
  EXPECT_EQ(haft_table_delete_unless_pinned(table, handle, nullptr), HAFT_OK);
  haft_table_destroy(table);
}

TEST(CApiTest, AScopeCountsAndSkipsAndDeletesInItsTable) {
  haft_table* const own = MakeTable(10);
  for (haft_table* const table : {own, static_cast<haft_table*>(nullptr)}) {
    int destroyed = 0;
    haft_scope* scope = nullptr;
    ASSERT_EQ(haft_scope_open(table, &scope), HAFT_OK);
    const haft_handle kept = MakeIn(table, &destroyed, &kCounted);
    const haft_handle deleted = MakeIn(table, &destroyed, &kCounted);
    const haft_handle last = MakeIn(table, &destroyed, &kCounted);
    for (const haft_handle handle : {kept, deleted, last})
      ASSERT_EQ(haft_scope_add(scope, handle), HAFT_OK);
    EXPECT_EQ(haft_scope_escape(scope, kept, nullptr), HAFT_OK);
    EXPECT_EQ(haft_table_delete(table, deleted, nullptr), HAFT_OK);
    EXPECT_EQ(haft_scope_close(scope), 1u);
    EXPECT_EQ(destroyed, 2);
    EXPECT_EQ(haft_table_delete(table, kept, nullptr), HAFT_OK);
  }
  haft_table_destroy(own);
}

// --- What calls back --------------------------------------------------------

TEST(CCallbackTest, AScopedPinEndsWithItsBlock) {
  haft_table* const table = MakeTable(10);
  int destroyed = 0;
  const haft_handle handle = MakeIn(table, &destroyed, &kCounted);
  for (unsigned i = 0; i < 3; ++i) {
    HAFT_SCOPED_PIN(pin);
    void* object = nullptr;
    if (i == 0) continue;  // before there is a pin
    ASSERT_EQ(haft_table_pin_object(table, handle, &kCounted, &pin, &object),
              HAFT_OK);
    EXPECT_EQ(haft_table_delete_unless_pinned(table, handle, &kCounted),
              HAFT_PINNED);
    if (i == 1) continue;
    EXPECT_EQ(haft_table_delete(table, handle, &kCounted), HAFT_OK);
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 1);
  haft_table_destroy(table);
}

// Those that haft.h says call nothing back, with handles that they refuse.
TEST(CCallbackTest, TheseFunctionsCallNothingBack) {
  InChild([] {
    static unsigned called = 0;
    constexpr haft_type kNoisy = {"noisy", nullptr, [](void*) { ++called; }, 0,
                                  0};
    ASSERT_EQ(
        haft_set_refusal_callback([](void*, haft_table*, haft_handle,
                                     haft_status, const char*) { ++called; },
                                  nullptr, 0),
        HAFT_OK);
    haft_table* const table = MakeTable(1);
    int object = 0;
    std::vector<haft_handle> live;
    haft_handle handle = 0;
    // Until it is full, and once more.
    while (haft_table_new(table, &object, &kNoisy, &handle) == HAFT_OK)
      live.push_back(handle);
    EXPECT_EQ(haft_table_intern(table, &object, &kNoisy, &handle), HAFT_FULL);
    const haft_handle stale = live.back();
    live.pop_back();
    ASSERT_EQ(haft_table_delete(table, stale, &kNoisy), HAFT_OK);
    ASSERT_EQ(called, 1u);
    EXPECT_EQ(haft_table_value(table, stale, nullptr, nullptr), HAFT_INVALID);
    for (const haft_handle word :
         {stale, haft_handle{0}, haft_handle{2}, ~haft_handle{0}, live[0]}) {
      (void)haft_table_check(table, word);
      char text[100];
      (void)haft_table_describe(table, word, text, sizeof(text));
      EXPECT_EQ(haft_from_pointer(haft_to_pointer(word)), word);
    }
    haft_scope* scope = nullptr;
    EXPECT_EQ(haft_scope_open(table, &scope), HAFT_OK);
    EXPECT_EQ(haft_scope_reserve(scope), HAFT_OK);
    EXPECT_EQ(haft_scope_add(scope, stale), HAFT_OK);
    EXPECT_EQ(haft_scope_escape(scope, live[0], nullptr), HAFT_NEVER_ISSUED);
    EXPECT_EQ(haft_scope_close(scope), 0u);
    haft_stats stats;
    EXPECT_EQ(haft_table_stats(table, &stats), HAFT_OK);
    haft_view view;
    EXPECT_EQ(haft_table_view(table, HAFT_VIEW_ABI, &view), HAFT_OK);
    EXPECT_EQ(haft_table_prepare(table, 0), HAFT_OK);
    (void)haft_table_trim(table);
    EXPECT_EQ(haft_diagnose(0), HAFT_INVALID);
    EXPECT_EQ(called, 1u);
    // The other ones do.
    void* found;
    EXPECT_EQ(haft_table_value(table, stale, nullptr, &found), HAFT_STALE);
    EXPECT_EQ(called, 2u);
    haft_table_destroy(table);
    EXPECT_EQ(called, 2u + live.size());
  });
}

}  // namespace
