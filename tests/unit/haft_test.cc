// The C ABI where it needs threads and processes; what a C program sees of it
// is in c/smoke.c.

#include "haft/haft.h"

#include <gtest/gtest.h>

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

// A child's table has not been made, if this process has not made its own
// either. So the tests that need that come first.
using haft::testing::InChild;

TEST(ProcessTableTest, RacingFirstCallsMakeOne) {
  for (int round = 0; round < 20; ++round) {
    InChild([] {
      // Each may make one: an emulator has no room for so many large ones.
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

TEST(ProcessTableTest, CapacityIsTheEnvironments) {
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

TEST(ProcessTableTest, PinIsLetGoByAnotherThread) {
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

TEST(ReportTest, TypeWithoutNameIsSaidToHaveNone) {
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

// Threads are inside of haft_intern all the time, in each part of its map: a
// child that was born with a mutex locked would wait for ever.
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
