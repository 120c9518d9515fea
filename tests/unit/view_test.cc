// view.h: what is inlined answers as the call does, for every word.

#include "haft/view.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "haft/haft.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace {

using haft::testing::InChild;
using haft::testing::TakeAllMemory;

constexpr haft_type kType = {"a", "haft.test.view/1", nullptr, 0, 0};
constexpr haft_type kSame = {"b", "haft.test.view/1", nullptr, 0, 0};
constexpr haft_type kOther = {"c", nullptr, nullptr, 0, 0};

haft_view ViewOf(haft_table* table) {
  haft_view view = {};
  EXPECT_EQ(haft_table_view(table, HAFT_VIEW_ABI, &view), HAFT_OK);
  return view;
}

struct Table {
  explicit Table(std::size_t capacity = 100) {
    EXPECT_EQ(haft_table_create(capacity, &table), HAFT_OK);
    view = ViewOf(table);
  }
  ~Table() { haft_table_destroy(table); }

  haft_handle New(void* object, const haft_type* type = &kType) const {
    haft_handle handle = 0;
    EXPECT_EQ(haft_table_new(table, object, type, &handle), HAFT_OK);
    return handle;
  }

  haft_table* table = nullptr;
  haft_view view;
};

// Both ways give one answer, and write the object or leave it in the same way.
void ExpectSame(const haft_view& view, haft_table* table, haft_handle handle,
                const haft_type* type) {
  int mark;
  void* called = &mark;
  void* inlined = &mark;
  EXPECT_EQ(haft_value_inline(&view, handle, type, &inlined),
            haft_table_value(table, handle, type, &called))
      << handle;
  EXPECT_EQ(inlined, called) << handle;
}

// First, because diagnostics must be on before the first table: while they
// watch, every look-up is a call.
TEST(ViewFirstTest, DiagnosticsSeeWhatTheInlinedLookUpRefuses) {
  InChild([] {
    static unsigned reported = 0;
    ASSERT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    ASSERT_EQ(haft_set_refusal_callback(
                  [](void*, haft_table*, haft_handle, haft_status status,
                     const char* description) {
                    EXPECT_EQ(status, HAFT_STALE);
                    EXPECT_NE(std::string(description).find("deleted"),
                              std::string::npos)
                        << description;
                    ++reported;
                  },
                  nullptr, 0),
              HAFT_OK);
    const Table t;
    int object;
    const haft_handle handle = t.New(&object);
    EXPECT_EQ(*t.view.gate, HAFT_VIEW_WATCHED);
    void* found = nullptr;
    EXPECT_EQ(haft_value_inline(&t.view, handle, &kType, &found), HAFT_OK);
    EXPECT_EQ(found, &object);
    EXPECT_EQ(haft_table_delete(t.table, handle, &kType), HAFT_OK);
    EXPECT_EQ(haft_value_inline(&t.view, handle, &kType, &found), HAFT_STALE);
    EXPECT_EQ(reported, 1u);
  });
}

TEST(ViewTest, TheInlinedLookUpFindsALiveObject) {
  const Table t;
  int object;
  const haft_handle handle = t.New(&object);
  for (const haft_type* type : {&kType, &kSame, (const haft_type*)nullptr}) {
    void* found = nullptr;
    EXPECT_EQ(haft_value_inline(&t.view, handle, type, &found), HAFT_OK);
    EXPECT_EQ(found, &object);
  }
}

TEST(ViewTest, ItRefusesWhatTheCallRefuses) {
  const Table t;
  int object;
  const haft_handle handle = t.New(&object);
  const haft_handle ended = t.New(&object);
  EXPECT_EQ(haft_table_delete(t.table, ended, nullptr), HAFT_OK);
  int mark;
  void* found = &mark;
  EXPECT_EQ(haft_value_inline(&t.view, handle, &kOther, &found),
            HAFT_WRONG_TYPE);
  EXPECT_EQ(haft_value_inline(&t.view, 0, nullptr, &found), HAFT_NULL);
  EXPECT_EQ(haft_value_inline(&t.view, handle - 1, nullptr, &found),
            HAFT_MALFORMED);
  EXPECT_EQ(haft_value_inline(&t.view, ended, nullptr, &found), HAFT_STALE);
  EXPECT_EQ(found, &mark);
  EXPECT_EQ(haft_value_inline(&t.view, handle, nullptr, nullptr), HAFT_INVALID);
}

// A view whose calls go to another table shows what makes no call.
TEST(ViewTest, ALiveHandleOfTheTypeTakesNoCall) {
  const Table t, other;
  int object;
  const haft_handle handle = t.New(&object);
  haft_view view = t.view;
  view.table = other.table;
  for (const haft_type* type : {&kType, (const haft_type*)nullptr}) {
    void* found = nullptr;
    EXPECT_EQ(haft_value_inline(&view, handle, type, &found), HAFT_OK);
    EXPECT_EQ(found, &object);
  }
  const haft_status refused = haft_table_check(other.table, handle);
  EXPECT_NE(refused, HAFT_OK);
  void* found = nullptr;
  EXPECT_EQ(haft_value_inline(&view, handle, &kSame, &found), refused);
  EXPECT_EQ(haft_value_inline(&view, handle, &kOther, &found), refused);
  const uintptr_t watched = HAFT_VIEW_WATCHED, open = HAFT_VIEW_WATCHED + 1;
  view.gate = &watched;
  EXPECT_EQ(haft_value_inline(&view, handle, &kType, &found), refused);
  EXPECT_EQ(found, nullptr);
  view.gate = &open;
  EXPECT_EQ(haft_value_inline(&view, handle, &kType, &found), HAFT_OK);
}

TEST(ViewTest, ItAnswersAsTheCallForAnyWord) {
  const Table t(1000);
  std::mt19937_64 random(7);
  std::vector<haft_handle> handles;
  std::vector<int> objects(1000);
  for (int& object : objects)
    handles.push_back(t.New(&object, random() % 2 ? &kType : &kOther));
  for (std::size_t i = 0; i < handles.size(); i += 3)
    EXPECT_EQ(haft_table_delete(t.table, handles[i], nullptr), HAFT_OK);
  const haft_type* const wanted[] = {&kType, &kSame, &kOther, nullptr};
  constexpr unsigned kBits = 8 * sizeof(haft_handle);
  for (unsigned i = 0; i < 100'000; ++i) {
    haft_handle word = handles[random() % handles.size()];
    switch (random() % 4) {
      case 0:
        word = static_cast<haft_handle>(random());
        break;
      case 1:
        word ^= haft_handle{1} << random() % kBits;
        break;
      case 2:
        word ^= (haft_handle{1} << random() % kBits) |
                (haft_handle{1} << random() % kBits);
        break;
      default:
        break;
    }
    ExpectSame(t.view, t.table, word, wanted[random() % 4]);
    if (::testing::Test::HasFailure()) return;
  }
}

// The states of slots are words that are not live handles, whoever gives them.
TEST(ViewTest, NoStateOfASlotIsTakenForAHandle) {
  const Table t(10);
  const haft_handle handle = t.New(nullptr);
  const auto state = [&t](haft_handle word) {
    return haft_view_slot(&t.view, word)->state;
  };
  EXPECT_EQ(state(handle), handle);
  haft_pin pin;
  void* object;
  EXPECT_EQ(haft_table_pin_object(t.table, handle, &kType, &pin, &object),
            HAFT_OK);
  EXPECT_EQ(haft_table_delete(t.table, handle, &kType), HAFT_OK);
  const haft_handle retired = state(handle);
  EXPECT_NE(retired, handle);
  ExpectSame(t.view, t.table, retired, nullptr);
  haft_unpin(&pin);
  const haft_handle free = state(handle);
  EXPECT_NE(free, handle);
  ExpectSame(t.view, t.table, free, nullptr);
  void* found = nullptr;
  EXPECT_EQ(haft_value_inline(&t.view, handle, nullptr, &found), HAFT_STALE);
  // A slot that was never used has the state 0, and is not slot 0.
  EXPECT_EQ(haft_value_inline(&t.view, 0, nullptr, &found), HAFT_NULL);
  EXPECT_NE(state(0), 0u);
}

TEST(ViewTest, ItHoldsAfterATrim) {
  const Table t(30'000);
  std::vector<haft_handle> handles;
  for (unsigned i = 0; i < 10'000; ++i) handles.push_back(t.New(nullptr));
  for (const haft_handle handle : handles)
    EXPECT_EQ(haft_table_delete(t.table, handle, nullptr), HAFT_OK);
  EXPECT_GT(haft_table_trim(t.table), 0u);
  for (const haft_handle handle : handles)
    ExpectSame(t.view, t.table, handle, nullptr);
  int object;
  const haft_handle handle = t.New(&object);
  void* found = nullptr;
  EXPECT_EQ(haft_value_inline(&t.view, handle, &kType, &found), HAFT_OK);
  EXPECT_EQ(found, &object);
}

TEST(ViewTest, OnlyTheAbiOfTheLibraryGetsAView) {
  const Table t;
  haft_view view;
  for (const unsigned abi : {0u, HAFT_VIEW_ABI - 1, HAFT_VIEW_ABI + 1, ~0u}) {
    EXPECT_EQ(haft_table_view(t.table, abi, &view), HAFT_INVALID) << abi;
  }
  EXPECT_EQ(haft_table_view(t.table, HAFT_VIEW_ABI, nullptr), HAFT_INVALID);
  EXPECT_EQ(haft_table_view(nullptr, HAFT_VIEW_ABI, nullptr), HAFT_INVALID);
}

TEST(ViewTest, TheProcessesTableIsMadeForAView) {
  InChild([] {
    const haft_view view = ViewOf(nullptr);
    int object;
    haft_handle handle;
    ASSERT_EQ(haft_new(&object, &kType, &handle), HAFT_OK);
    void* found = nullptr;
    EXPECT_EQ(haft_value_inline(&view, handle, &kType, &found), HAFT_OK);
    EXPECT_EQ(found, &object);
    // In a child of this process, too.
    InChild([&] {
      ExpectSame(view, nullptr, handle, &kType);
      EXPECT_EQ(haft_delete(handle, &kType), HAFT_OK);
      EXPECT_EQ(haft_value_inline(&view, handle, &kType, &found), HAFT_STALE);
    });
    EXPECT_EQ(haft_value_inline(&view, handle, &kType, &found), HAFT_OK);
  });
}

TEST(ViewTest, WithoutMemoryForTheProcessesTableThereIsNoView) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    TakeAllMemory();
    haft_view view;
    EXPECT_EQ(haft_table_view(nullptr, HAFT_VIEW_ABI, &view),
              HAFT_OUT_OF_MEMORY);
  });
}

// Diagnostics that begin later are seen by views that exist.
TEST(ViewTest, AViewSeesThatDiagnosticsBegin) {
  InChild([] {
    static unsigned reported = 0;
    const Table t;
    int object;
    const haft_handle handle = t.New(&object);
    EXPECT_NE(*t.view.gate, HAFT_VIEW_WATCHED);
    ASSERT_EQ(
        haft_set_refusal_callback([](void*, haft_table*, haft_handle,
                                     haft_status, const char*) { ++reported; },
                                  nullptr, 0),
        HAFT_OK);
    void* found = nullptr;
    EXPECT_EQ(haft_value_inline(&t.view, handle, &kOther, &found),
              HAFT_WRONG_TYPE);
    EXPECT_EQ(reported, 1u);
  });
}

// A thread gives slots object after object, while others look up what they were
// given: whatever they find is the object of their handle.
TEST(ViewStressTest, WhatIsFoundBelongsToTheHandle) {
  const Table t(4);
  const unsigned rounds = haft::testing::kSanitized ? 10'000 : 100'000;
  std::vector<int> objects(rounds);
  std::atomic<haft_handle> shared{0};
  std::atomic<unsigned> number{0};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> found_count{0};
  std::thread reader([&] {
    while (!done.load()) {
      const unsigned before = number.load();
      const haft_handle handle = shared.load();
      void* found = nullptr;
      const haft_status status =
          haft_value_inline(&t.view, handle, &kType, &found);
      const unsigned after = number.load();
      if (status != HAFT_OK) continue;
      found_count.fetch_add(1);
      const auto index =
          static_cast<unsigned>(static_cast<int*>(found) - objects.data());
      if (index < before || index > after) {
        ADD_FAILURE() << index << " between " << before << " and " << after;
        return;
      }
    }
  });
  for (unsigned i = 0; i < rounds; ++i) {
    number.store(i);
    const haft_handle handle = t.New(&objects[i]);
    shared.store(handle);
    if (i % 1024 == 0) std::this_thread::yield();
    ASSERT_EQ(haft_table_delete(t.table, handle, &kType), HAFT_OK);
  }
  done.store(true);
  reader.join();
  RecordProperty("found", std::to_string(found_count.load()));
}

}  // namespace
