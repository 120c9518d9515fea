// The C ABI with threads and processes. tests/consumer/c/smoke.c tests it as a
// C program sees it.

#include "haft/haft.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "haft/internal/base/sanitizer.h"
#include "haft/internal/process/any_table.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace {

constexpr haft_type kBorrowed = {"borrowed", nullptr, nullptr};

// A child has no process-wide table if its parent has not created one. So the
// tests that need that come first.
using haft::testing::InChild;

TEST(ProcessTableTest, RacingFirstCallsCreateOneTable) {
  for (int round = 0; round < 20; ++round) {
    InChild([] {
      // Each thread may create a table, and an emulator has no room for so many
      // large ones.
      setenv("HAFT_CAPACITY", "1000", 1);
      constexpr unsigned kThreads = 8;
      haft::testing::Barrier start(kThreads);
      haft_handle handles[kThreads] = {};
      haft::testing::RunThreads(kThreads, [&](unsigned t) {
        start.Wait();
        EXPECT_EQ(haft_new(&handles[t], &kBorrowed, &handles[t]), HAFT_OK);
      });
      for (haft_handle& handle : handles) {
        void* object = nullptr;
        EXPECT_EQ(haft_value(handle, &kBorrowed, &object), HAFT_OK);
        EXPECT_EQ(object, &handle);
      }
      haft_stats stats;
      EXPECT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
      EXPECT_EQ(stats.live, kThreads);
    });
  }
}

TEST(ProcessTableTest, TheEnvironmentGivesTheCapacity) {
  const auto capacity_under = [](const char* value) {
    setenv("HAFT_CAPACITY", value, 1);
    haft_stats stats;
    EXPECT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
    return stats.capacity;
  };
  constexpr std::size_t kDefault =
      std::min(std::size_t{4194304}, haft::internal::AnyTable::kMaxCapacity);
  InChild([&] { EXPECT_EQ(capacity_under("12"), 12u); });
  for (const char* const value : {"0", "12x", ""})
    InChild([&] { EXPECT_EQ(capacity_under(value), kDefault); });
}

// Its environment asks for reports, which the first call that needs a table
// turns on.
TEST(ProcessTableTest, AClosedScopeReportsNoRefusalEvenAsTheFirstCall) {
  InChild([] {
    setenv("HAFT_CAPACITY", "10", 1);
    setenv("HAFT_DIAGNOSE", "refusals=1000", 1);
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
    ASSERT_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    haft_scope* scope = nullptr;
    ASSERT_EQ(haft_scope_open(nullptr, &scope), HAFT_OK);
    ASSERT_EQ(haft_scope_add(scope, 2), HAFT_OK);
    EXPECT_EQ(haft_scope_close(scope), 0u);
    EXPECT_EQ(haft_delete(2, nullptr), HAFT_MALFORMED);
    char text[2000] = {};
    ASSERT_GT(read(ends[0], text, sizeof(text) - 1), 0);
    const std::string reports = text;
    EXPECT_EQ(std::count(reports.begin(), reports.end(), '\n'), 1) << reports;
  });
}

TEST(ProcessTableTest, ChildOfForkHasTheHandles) {
  haft_handle handle = 0;
  int object = 3;
  ASSERT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OK);
  InChild([&] {
    void* found = nullptr;
    EXPECT_EQ(haft_value(handle, &kBorrowed, &found), HAFT_OK);
    EXPECT_EQ(found, &object);
    EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
  });
  EXPECT_EQ(haft_check(handle), HAFT_OK);
  EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
}

TEST(ProcessTableTest, ParentAndChildIssueHandlesIndependently) {
  haft_handle before = 0;
  int object = 3;
  ASSERT_EQ(haft_new(&object, &kBorrowed, &before), HAFT_OK);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  InChild([&] {
    haft_handle of_child = 0;
    EXPECT_EQ(haft_new(&before, &kBorrowed, &of_child), HAFT_OK);
    EXPECT_EQ(write(ends[1], &of_child, sizeof(of_child)),
              ssize_t{sizeof(of_child)});
  });
  haft_handle of_child = 0;
  ASSERT_EQ(read(ends[0], &of_child, sizeof(of_child)),
            ssize_t{sizeof(of_child)});
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(haft_check(of_child), HAFT_NEVER_ISSUED);
  haft_handle mine = 0;
  ASSERT_EQ(haft_new(&object, &kBorrowed, &mine), HAFT_OK);
  void* found = nullptr;
  EXPECT_EQ(haft_value(mine, &kBorrowed, &found), HAFT_OK);
  EXPECT_EQ(found, &object);
  EXPECT_EQ(haft_delete(mine, nullptr), HAFT_OK);
  EXPECT_EQ(haft_delete(before, nullptr), HAFT_OK);
}

TEST(ProcessTableTest, ChildOfForkHoldsThePinsOfTheParentsThreads) {
  static std::atomic<int> destroyed{0};
  static constexpr haft_type kCounted = {"counted", nullptr,
                                         [](void*) { ++destroyed; }};
  haft_handle handle = 0;
  ASSERT_EQ(haft_new(nullptr, &kCounted, &handle), HAFT_OK);
  haft_pin pin;
  std::atomic<bool> is_pinned{false}, done{false};
  std::thread other([&] {
    void* object = nullptr;
    EXPECT_EQ(haft_pin_object(handle, &kCounted, &pin, &object), HAFT_OK);
    is_pinned = true;
    while (!done) std::this_thread::yield();
    haft_unpin(&pin);
  });
  while (!is_pinned) std::this_thread::yield();
  InChild([&] {
    EXPECT_EQ(haft_delete_and_wait(handle, nullptr, 1), HAFT_TIMED_OUT);
    EXPECT_EQ(destroyed, 0);
    haft_unpin(&pin);
    EXPECT_EQ(destroyed, 1);
  });
  EXPECT_EQ(haft_check(handle), HAFT_OK);
  EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
  EXPECT_EQ(destroyed, 0);
  done = true;
  other.join();
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessTableTest, APinIsEndedByAnotherThread) {
  static std::atomic<int> destroyed{0};
  static constexpr haft_type kCounted = {"counted", nullptr,
                                         [](void*) { ++destroyed; }};
  haft_handle handle = 0;
  ASSERT_EQ(haft_new(nullptr, &kCounted, &handle), HAFT_OK);
  haft_pin pin;
  void* object = nullptr;
  ASSERT_EQ(haft_pin_object(handle, &kCounted, &pin, &object), HAFT_OK);
  std::thread deleter([&] {
    EXPECT_EQ(haft_delete_and_wait(handle, nullptr, ~uint64_t{0}), HAFT_OK);
    EXPECT_EQ(destroyed, 1);
  });
  while (haft_check(handle) == HAFT_OK) std::this_thread::yield();
  EXPECT_EQ(destroyed, 0);
  std::thread([&] { haft_unpin(&pin); }).join();
  deleter.join();
}

TEST(ReportTest, ATypeWithoutANameIsCalledNameless) {
  static constexpr haft_type kNameless = {nullptr, nullptr, nullptr};
  haft_table* table = nullptr;
  ASSERT_EQ(haft_table_create(10, &table), HAFT_OK);
  int object = 0;
  haft_handle handle = 0;
  ASSERT_EQ(haft_table_new(table, &object, &kNameless, &handle), HAFT_OK);
  char text[200];
  EXPECT_LT(haft_table_describe(table, handle, text, sizeof(text)),
            sizeof(text));
  EXPECT_NE(std::string(text).find("a (nameless) at"), std::string::npos);
  std::string lines;
  const auto add_line = [](void* to, const char* line) {
    static_cast<std::string*>(to)->append(line).append("\n");
  };
  EXPECT_EQ(haft_table_report(table, 0, add_line, &lines), 1u);
  EXPECT_EQ(lines, "1 live of type (nameless)\n");
  haft_table_destroy(table);
}

// Threads are inside haft_intern all the time, in each part of its map. A child
// with a locked mutex would wait forever.
TEST(ProcessTableTest, ChildOfForkInternsAndReleases) {
  if (haft::internal::kAddressSanitizer)
    GTEST_SKIP() << "a child may find its allocator locked";
  static char objects[256];
  static char kept;
  haft_handle handle = 0;
  ASSERT_EQ(haft_intern(&kept, &kBorrowed, &handle), HAFT_OK);
  ASSERT_EQ(haft_intern(&kept, &kBorrowed, &handle), HAFT_OK);
  std::atomic<bool> stop{false};
  std::thread others([&] {
    haft::testing::RunThreads(3, [&](unsigned) {
      while (!stop) {
        for (char& object : objects) {
          haft_handle of_object = 0;
          EXPECT_EQ(haft_intern(&object, &kBorrowed, &of_object), HAFT_OK);
          EXPECT_EQ(haft_release(of_object), HAFT_OK);
        }
      }
    });
  });
  for (int fork = 0; fork < (haft::testing::kSanitized ? 20 : 200); ++fork) {
    InChild([&] {
      for (char& object : objects) {
        haft_handle one = 0, two = 0;
        EXPECT_EQ(haft_intern(&object, &kBorrowed, &one), HAFT_OK);
        EXPECT_EQ(haft_intern(&object, &kBorrowed, &two), HAFT_OK);
        EXPECT_EQ(one, two);
        EXPECT_EQ(haft_release(one), HAFT_OK);
        EXPECT_EQ(haft_check(one), HAFT_OK);
        EXPECT_EQ(haft_release(one), HAFT_OK);
      }
      haft_handle again = 0;
      EXPECT_EQ(haft_intern(&kept, &kBorrowed, &again), HAFT_OK);
      EXPECT_EQ(again, handle);
      for (int i = 0; i < 3; ++i) EXPECT_EQ(haft_release(handle), HAFT_OK);
      EXPECT_EQ(haft_release(handle), HAFT_STALE);
    });
  }
  stop = true;
  others.join();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(haft_release(handle), HAFT_OK);
  EXPECT_EQ(haft_release(handle), HAFT_STALE);
}

}  // namespace
