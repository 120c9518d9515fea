// Loans: handles that a borrower makes and ends by itself (view.h).

#include "haft/internal/process/loan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "haft/haft.h"
#include "haft/internal/base/sync.h"
#include "haft/view.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace {

using haft::testing::InChild;
using haft::testing::TakeAllMemory;

constexpr unsigned kLoan = HAFT_LOAN_HANDLES;
constexpr std::size_t kMostLoans = 240;

void Count(void* object) { ++*static_cast<std::atomic<int>*>(object); }
constexpr haft_type kCounted = {"counted", nullptr, &Count, 0, 0};
constexpr haft_type kBorrowed = {"borrowed", nullptr, nullptr, 0, 0};

struct Table {
  explicit Table(std::size_t capacity = 1000) {
    EXPECT_EQ(haft_table_create(capacity, &table), HAFT_OK);
    EXPECT_EQ(haft_table_view(table, HAFT_VIEW_ABI, &view), HAFT_OK);
  }
  ~Table() { haft_table_destroy(table); }

  haft_loan* Lend(const haft_type* type = &kCounted, unsigned flags = 0) const {
    haft_loan* loan = nullptr;
    EXPECT_EQ(haft_lend(table, type, flags, &loan), HAFT_OK);
    return loan;
  }
  haft_handle New(haft_loan* loan, void* object) const {
    haft_handle handle = 0;
    EXPECT_EQ(haft_new_inline(&view, loan, object, &handle), HAFT_OK);
    return handle;
  }
  haft_status Delete(haft_loan* loan, haft_handle handle,
                     const haft_type* type = &kCounted) const {
    return haft_delete_inline(&view, loan, handle, type);
  }
  haft_stats Stats() const {
    haft_stats stats;
    EXPECT_EQ(haft_table_stats(table, &stats), HAFT_OK);
    return stats;
  }
  void ExpectCounts(std::uint64_t created, std::uint64_t deleted) const {
    const haft_stats stats = Stats();
    EXPECT_EQ(stats.created, created);
    EXPECT_EQ(stats.deleted, deleted);
    EXPECT_EQ(stats.live, created - deleted);
  }
  // Returns how many handles there is room for, and ends them again.
  std::size_t Room() const {
    std::vector<haft_handle> handles;
    haft_handle handle;
    while (haft_table_new(table, nullptr, &kBorrowed, &handle) == HAFT_OK)
      handles.push_back(handle);
    EXPECT_EQ(haft_table_delete_batch(table, handles.data(), handles.size(),
                                      &kBorrowed, nullptr),
              handles.size());
    return handles.size();
  }
  // Opens loans until there is no other, and returns them.
  std::vector<haft_loan*> LendAll() const {
    std::vector<haft_loan*> loans;
    haft_loan* loan;
    while (haft_lend(table, &kCounted, 0, &loan) == HAFT_OK)
      loans.push_back(loan);
    return loans;
  }

  haft_table* table = nullptr;
  haft_view view;
};

// First, because diagnostics must be on before the first table.
TEST(LoanFirstTest, DiagnosticsSeeWhatABorrowerDoes) {
  InChild([] {
    ASSERT_EQ(haft_diagnose(HAFT_DIAGNOSE_SITES), HAFT_OK);
    const Table t;
    haft_loan* const loan = t.Lend();
    std::atomic<int> object{0};
    const haft_handle handle = t.New(loan, &object);
    EXPECT_EQ(loan->ready_count, kLoan);
    EXPECT_EQ(t.Delete(loan, handle), HAFT_OK);
    EXPECT_EQ(loan->ended_count, 0u);
    EXPECT_EQ(object, 1);
    char text[2000];
    haft_table_describe(t.table, handle, text, sizeof(text));
    EXPECT_NE(std::string(text).find("created"), std::string::npos) << text;
    EXPECT_NE(std::string(text).find("deleted"), std::string::npos) << text;
    haft_return(loan);
  });
}

// First, because a loan that was returned is used again without allocation.
TEST(LoanFirstTest, EveryLoanThatHasEndedIsUsedAgain) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    const Table t, full(10);
    while (true) {
      haft_handle handle;
      if (haft_table_new(full.table, nullptr, &kBorrowed, &handle) != HAFT_OK)
        break;
    }
    // One of this thread, and one of a thread that has ended.
    haft_return(t.Lend(&kCounted, HAFT_LEND_TO_THREAD));
    std::thread([&t] { (void)t.Lend(&kCounted, HAFT_LEND_TO_THREAD); }).join();
    TakeAllMemory();
    haft_loan* loan = nullptr;
    for (unsigned i = 0; i < 3; ++i) {
      EXPECT_EQ(haft_lend(full.table, &kCounted, 0, &loan), HAFT_FULL);
      EXPECT_EQ(haft_lend(full.table, &kCounted, HAFT_LEND_TO_THREAD, &loan),
                HAFT_FULL);
      haft_return(t.Lend());
      haft_return(t.Lend(&kCounted, HAFT_LEND_TO_THREAD));
    }
    // Only one can be had at a time, and calls in vain count for nothing.
    haft_loan* const one = t.Lend();
    for (std::size_t i = 0; i <= kMostLoans; ++i)
      EXPECT_EQ(haft_lend(t.table, &kCounted, 0, &loan), HAFT_OUT_OF_MEMORY);
    haft_return(one);
    haft_return(t.Lend());
  });
}
// The same for one of a thread that the child of a fork does not have.
TEST(LoanFirstTest, TheLoanOfAnAbsentThreadIsUsedAgain) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    const Table t;
    std::atomic<bool> lent{false}, done{false};
    std::thread thread([&] {
      (void)t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
      lent = true;
      while (!done) std::this_thread::yield();
    });
    while (!lent) std::this_thread::yield();
    InChild([&] {
      TakeAllMemory();
      haft_return(t.Lend());
      haft_return(t.Lend());
    });
    done = true;
    thread.join();
  });
}

// First, too.
TEST(LoanFirstTest, WithoutMemoryThereIsNoLoan) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    const Table t;
    haft_loan* const first = t.Lend();
    haft_loan* loan = nullptr;
    TakeAllMemory();
    EXPECT_EQ(haft_lend(t.table, &kCounted, 0, &loan), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_lend(t.table, &kCounted, HAFT_LEND_TO_THREAD, &loan),
              HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(haft_lend(nullptr, &kCounted, 0, &loan), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(loan, nullptr);
    haft_return(first);
    // There is a loan again, and no memory to note whose it is.
    loan = nullptr;
    EXPECT_EQ(haft_lend(t.table, &kCounted, HAFT_LEND_TO_THREAD, &loan),
              HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(loan, nullptr);
    EXPECT_EQ(haft_lend(t.table, &kCounted, 0, &loan), HAFT_OK);
    EXPECT_EQ(loan, first);
  });
}

// And there may be memory for the note, but for no loan.
TEST(LoanFirstTest, AThreadWhoseLoanCouldNotBeHadEnds) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer does not survive without memory";
  InChild([] {
    std::atomic<int> object{0};
    const Table t;
    std::thread([&] {
      haft_loan* const first = t.Lend();
      haft_loan* const mine = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
      EXPECT_EQ(t.Delete(mine, t.New(mine, &object)), HAFT_OK);
      constexpr std::size_t kNote = 24;
      void* volatile note = std::malloc(kNote);
      TakeAllMemory();
      std::free(note);
      haft_loan* loan = nullptr;
      for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(haft_lend(t.table, &kCounted, HAFT_LEND_TO_THREAD, &loan),
                  HAFT_OUT_OF_MEMORY);
      }
      note = std::malloc(kNote);
      EXPECT_EQ(note, nullptr) << "not the case";
      haft_return(first);
      EXPECT_EQ(haft_lend(t.table, &kCounted, HAFT_LEND_TO_THREAD, &loan),
                HAFT_OK);
      EXPECT_EQ(loan, first);
      haft_return(loan);
    }).join();
    EXPECT_EQ(object, 1) << "the other loan of the thread did not end";
  });
}

// The first lease of a process is as good as any other.
TEST(LoanFirstTest, TheFirstLoanOfAThreadEndsWithIt) {
  InChild([] {
    std::atomic<int> object{0};
    const Table t;
    std::thread([&] {
      haft_loan* const loan = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
      EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
    }).join();
    EXPECT_EQ(object, 1);
  });
}

TEST(LoanTest, ABorrowersHandleIsLikeAnyOther) {
  const Table t;
  haft_loan* const loan = t.Lend();
  EXPECT_EQ(loan->type, &kCounted);
  EXPECT_EQ(loan->ready_count, kLoan);
  EXPECT_EQ(loan->ended_count, 0u);
  std::atomic<int> object{0};
  const haft_handle handle = t.New(loan, &object);
  void* found = nullptr;
  EXPECT_EQ(haft_table_value(t.table, handle, &kCounted, &found), HAFT_OK);
  EXPECT_EQ(found, &object);
  EXPECT_EQ(haft_table_value(t.table, handle, &kBorrowed, &found),
            HAFT_WRONG_TYPE);
  haft_pin pin;
  EXPECT_EQ(haft_table_pin_object(t.table, handle, &kCounted, &pin, &found),
            HAFT_OK);
  EXPECT_EQ(haft_table_delete_unless_pinned(t.table, handle, &kCounted),
            HAFT_PINNED);
  haft_unpin(&pin);
  EXPECT_EQ(haft_table_delete(t.table, handle, &kCounted), HAFT_OK);
  EXPECT_EQ(object, 1);
  EXPECT_EQ(t.Delete(loan, handle), HAFT_STALE);
  haft_return(loan);
  EXPECT_EQ(object, 1);
}

TEST(LoanTest, ABorrowerEndsAnyHandle) {
  const Table t;
  haft_loan* const loan = t.Lend(&kBorrowed);
  std::atomic<int> object{0};
  haft_handle handle;
  ASSERT_EQ(haft_table_new(t.table, &object, &kCounted, &handle), HAFT_OK);
  EXPECT_EQ(t.Delete(loan, handle, &kBorrowed), HAFT_WRONG_TYPE);
  EXPECT_EQ(t.Delete(loan, 0), HAFT_NULL);
  EXPECT_EQ(t.Delete(loan, handle - 1), HAFT_MALFORMED);
  EXPECT_EQ(loan->ended_count, 0u);
  EXPECT_EQ(t.Delete(loan, handle, nullptr), HAFT_OK);
  EXPECT_EQ(haft_table_check(t.table, handle), HAFT_STALE);
  EXPECT_EQ(t.Delete(loan, handle, nullptr), HAFT_STALE);
  EXPECT_EQ(object, 0) << "destroyed before the loan is settled";
  EXPECT_EQ(haft_settle(loan), HAFT_OK);
  EXPECT_EQ(object, 1);
  haft_return(loan);
}

TEST(LoanTest, AnObjectIsDestroyedByItsLastPin) {
  const Table t;
  haft_loan* const loan = t.Lend();
  std::atomic<int> object{0};
  const haft_handle handle = t.New(loan, &object);
  haft_pin pin;
  void* found;
  ASSERT_EQ(haft_table_pin_object(t.table, handle, &kCounted, &pin, &found),
            HAFT_OK);
  EXPECT_EQ(t.Delete(loan, handle), HAFT_OK);
  EXPECT_EQ(haft_settle(loan), HAFT_OK);
  EXPECT_EQ(object, 0);
  EXPECT_EQ(t.Stats().retired_objects, 1u);
  haft_unpin(&pin);
  EXPECT_EQ(object, 1);

  // Or by the settling, if the last pin has ended before.
  const haft_handle other = t.New(loan, &object);
  ASSERT_EQ(haft_table_pin_object(t.table, other, &kCounted, &pin, &found),
            HAFT_OK);
  EXPECT_EQ(t.Delete(loan, other), HAFT_OK);
  haft_unpin(&pin);
  EXPECT_EQ(object, 1);
  haft_return(loan);
  EXPECT_EQ(object, 2);
}

TEST(LoanTest, TheFiguresAreExactWhateverIsInALoan) {
  const Table t;
  t.ExpectCounts(0, 0);
  haft_loan* const loan = t.Lend();
  t.ExpectCounts(0, 0);
  std::atomic<int> object{0};
  std::vector<haft_handle> handles;
  for (unsigned i = 1; i <= 3 * kLoan + 5; ++i) {
    handles.push_back(t.New(loan, &object));
    t.ExpectCounts(i, 0);
  }
  for (unsigned i = 0; i < handles.size(); ++i) {
    EXPECT_EQ(t.Delete(loan, handles[i]), HAFT_OK);
    t.ExpectCounts(handles.size(), i + 1);
  }
  haft_return(loan);
  t.ExpectCounts(handles.size(), handles.size());
  EXPECT_EQ(object, static_cast<int>(handles.size()));
}

TEST(LoanTest, OneCallServes128Operations) {
  const Table t;
  haft_loan* const loan = t.Lend();
  std::atomic<int> object{0};
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned i = 0; i < kLoan; ++i) {
      EXPECT_EQ(loan->ready_count, kLoan - i);
      EXPECT_EQ(loan->ended_count, i);
      EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
    }
    // The last Delete has settled, and found no ready handle.
    EXPECT_EQ(loan->ready_count, kLoan);
    EXPECT_EQ(loan->ended_count, 0u);
    EXPECT_EQ(object, static_cast<int>((round + 1) * kLoan));
  }
  haft_return(loan);
}

TEST(LoanTest, NoHandleIsIssuedTwice) {
  const Table t;
  haft_loan* const loan = t.Lend(&kBorrowed);
  std::set<haft_handle> seen;
  // Where words have 32 bits, a slot has 2^14 generations at least.
  for (unsigned i = 0; i < 100'000; ++i) {
    const haft_handle handle = t.New(loan, nullptr);
    EXPECT_TRUE(seen.insert(handle).second) << handle;
    EXPECT_EQ(t.Delete(loan, handle, &kBorrowed), HAFT_OK);
    EXPECT_EQ(haft_table_check(t.table, handle), HAFT_STALE);
  }
  haft_return(loan);
  t.ExpectCounts(100'000, 100'000);
}

TEST(LoanTest, AFullTableIsFullForABorrowerToo) {
  const Table t(10);
  const std::size_t room = t.Room();
  haft_loan* const loan = t.Lend(&kBorrowed);
  std::vector<haft_handle> handles;
  haft_handle handle;
  while (haft_new_inline(&t.view, loan, nullptr, &handle) == HAFT_OK)
    handles.push_back(handle);
  EXPECT_EQ(handles.size(), room);
  EXPECT_EQ(haft_settle(loan), HAFT_FULL);
  haft_loan* other = nullptr;
  EXPECT_EQ(haft_lend(t.table, &kBorrowed, 0, &other), HAFT_FULL);
  EXPECT_EQ(other, nullptr);
  EXPECT_EQ(t.Delete(loan, handles[0], nullptr), HAFT_OK);
  EXPECT_EQ(haft_new_inline(&t.view, loan, nullptr, &handle), HAFT_OK);
  haft_return(loan);
  EXPECT_EQ(t.Stats().live, room);
}

TEST(LoanTest, LoansThatCouldNotBeHadCountForNothing) {
  const Table t(10);
  std::vector<haft_handle> handles;
  haft_handle handle;
  while (haft_table_new(t.table, nullptr, &kBorrowed, &handle) == HAFT_OK)
    handles.push_back(handle);
  haft_loan* loan = nullptr;
  for (std::size_t i = 0; i <= kMostLoans; ++i)
    EXPECT_EQ(haft_lend(t.table, &kBorrowed, 0, &loan), HAFT_FULL);
  EXPECT_EQ(haft_table_delete(t.table, handles[0], nullptr), HAFT_OK);
  haft_loan* const lent = t.Lend(&kBorrowed);
  EXPECT_EQ(lent->ready_count, 1u);
  haft_return(lent);
}

// A view whose calls go to another table shows what makes no call.
TEST(LoanTest, ABorrowerMakesNoCall) {
  const Table t, other;
  haft_view view = t.view;
  view.table = other.table;
  haft_loan* const loan = t.Lend(&kBorrowed);
  haft_handle handle = 0, second = 0, third = 0;
  for (haft_handle* const made : {&handle, &second, &third})
    EXPECT_EQ(haft_new_inline(&view, loan, nullptr, made), HAFT_OK);
  EXPECT_EQ(loan->ready_count, kLoan - 3);
  EXPECT_EQ(haft_table_check(t.table, handle), HAFT_OK);
  EXPECT_EQ(haft_delete_inline(&view, loan, handle, &kBorrowed), HAFT_OK);
  EXPECT_EQ(haft_delete_inline(&view, loan, second, nullptr), HAFT_OK);
  const haft_status refused = haft_table_check(other.table, third);
  EXPECT_NE(refused, HAFT_OK);
  EXPECT_EQ(haft_delete_inline(&view, loan, third, &kCounted), refused);
  // The last handle of its slot, a full loan, and diagnostics.
  view.generations = third & t.view.generations;
  EXPECT_EQ(haft_delete_inline(&view, loan, third, nullptr), refused);
  view.generations = t.view.generations;
  loan->ended_count = kLoan;
  EXPECT_EQ(haft_delete_inline(&view, loan, third, nullptr), refused);
  loan->ended_count = 2;
  const uintptr_t watched = HAFT_VIEW_WATCHED;
  view.gate = &watched;
  EXPECT_EQ(haft_delete_inline(&view, loan, third, nullptr), refused);
  haft_handle fourth = 0;
  EXPECT_EQ(haft_new_inline(&view, loan, nullptr, &fourth), HAFT_OK);
  EXPECT_EQ(haft_table_check(other.table, fourth), HAFT_OK);
  EXPECT_EQ(haft_table_delete(t.table, third, nullptr), HAFT_OK);
  haft_return(loan);
  t.ExpectCounts(3, 3);
}

TEST(LoanTest, LoansDoNotTakeFromTheCapacity) {
  constexpr std::size_t kCapacity = 1000;
  const Table t(kCapacity);
  EXPECT_EQ(t.Stats().capacity, kCapacity);
  const std::size_t room = t.Room();
  std::vector<haft_loan*> loans = t.LendAll();
  if (sizeof(haft_handle) == 8) {
    EXPECT_EQ(loans.size(), kMostLoans);
  }
  EXPECT_GE(loans.size(), 20u);
  haft_loan* more = nullptr;
  EXPECT_EQ(haft_lend(t.table, &kCounted, 0, &more), HAFT_FULL);
  // Each has as many handles out of reach as it can: ready ones, and ended ones
  // of the table's.
  std::atomic<int> object{0};
  for (haft_loan* const loan : loans) {
    for (unsigned i = 0; i + 1 < kLoan; ++i) {
      haft_handle handle;
      ASSERT_EQ(haft_table_new(t.table, &object, &kCounted, &handle), HAFT_OK);
      ASSERT_EQ(t.Delete(loan, handle), HAFT_OK);
    }
    EXPECT_EQ(loan->ready_count, kLoan);
    EXPECT_EQ(loan->ended_count, kLoan - 1);
  }
  // The slots that caches of threads can strand are there as well.
  if (sizeof(haft_handle) == 8) {
    EXPECT_GE(t.Room(), kCapacity + 3 * haft::internal::sync::kMaxCaches * 128);
  }
  EXPECT_GE(t.Room(), kCapacity);
  // One comes back, and one can be had again.
  haft_return(loans.back());
  loans.back() = t.Lend();
  EXPECT_EQ(haft_lend(t.table, &kCounted, 0, &more), HAFT_FULL);
  EXPECT_EQ(more, nullptr);
  for (haft_loan* const loan : loans) haft_return(loan);
  EXPECT_EQ(object, static_cast<int>(loans.size() * (kLoan - 1)));
  EXPECT_EQ(t.Room(), room);
}

TEST(LoanTest, TheMagazinesOfThreadsStayAsTheyAre) {
  const Table t;
  const std::size_t room = t.Room();
  std::atomic<bool> deleted{false}, done{false};
  std::thread thread([&] {
    std::vector<haft_handle> handles(1000);
    for (haft_handle& handle : handles) {
      EXPECT_EQ(haft_table_new(t.table, nullptr, &kBorrowed, &handle), HAFT_OK);
    }
    haft_table_delete_batch(t.table, handles.data(), handles.size(), nullptr,
                            nullptr);
    deleted = true;
    while (!done) std::this_thread::yield();
  });
  while (!deleted) std::this_thread::yield();
  EXPECT_LT(t.Room(), room);
  EXPECT_GE(t.Room() + 256, room) << "more than two magazines of 128";
  done = true;
  thread.join();
}

TEST(LoanTest, ALayoutWithoutRoomHasNoLoans) {
  if (sizeof(haft_handle) == 8)
    GTEST_SKIP() << "such a table would have 67,108,864 slots";
  const Table t(65'536);
  haft_loan* loan = nullptr;
  EXPECT_EQ(haft_lend(t.table, &kCounted, 0, &loan), HAFT_FULL);
  EXPECT_EQ(loan, nullptr);
}

TEST(LoanTest, BadArgumentsChangeNothing) {
  const Table t;
  haft_loan* loan = nullptr;
  EXPECT_EQ(haft_lend(t.table, nullptr, 0, &loan), HAFT_INVALID);
  EXPECT_EQ(haft_lend(t.table, &kCounted, 0, nullptr), HAFT_INVALID);
  EXPECT_EQ(haft_lend(t.table, &kCounted, 2, &loan), HAFT_INVALID);
  EXPECT_EQ(haft_lend(t.table, &kCounted, 3, &loan), HAFT_INVALID);
  EXPECT_EQ(haft_lend(t.table, &kCounted, ~0u, &loan), HAFT_INVALID);
  EXPECT_EQ(loan, nullptr);
  EXPECT_EQ(haft_settle(nullptr), HAFT_INVALID);
  haft_return(nullptr);
  EXPECT_EQ(t.LendAll().size(), Table().LendAll().size());
}

TEST(LoanTest, ABorrowerThatHasLostItsWayHarmsNoOtherHandle) {
  const Table t;
  const std::size_t room = t.Room();
  haft_loan* const loan = t.Lend();
  std::atomic<int> object{0};
  haft_handle live;
  ASSERT_EQ(haft_table_new(t.table, &object, &kCounted, &live), HAFT_OK);
  haft_handle stale;
  ASSERT_EQ(haft_table_new(t.table, &object, &kCounted, &stale), HAFT_OK);
  ASSERT_EQ(haft_table_delete(t.table, stale, nullptr), HAFT_OK);
  haft_handle reused;
  ASSERT_EQ(haft_table_new(t.table, &object, &kCounted, &reused), HAFT_OK);
  EXPECT_EQ(object, 1);
  // Handles that it has not ended: a live one, one that another has ended and
  // whose slot is used again, and words.
  for (const haft_handle bad :
       {live, stale, haft_handle{0}, haft_handle{1}, ~haft_handle{0}}) {
    loan->ended[0] = bad;
    loan->ended_count = 1;
    EXPECT_EQ(haft_settle(loan), HAFT_INVALID) << bad;
    EXPECT_EQ(loan->ended_count, 0u);
  }
  EXPECT_EQ(object, 1);
  EXPECT_EQ(haft_table_check(t.table, live), HAFT_OK);
  EXPECT_EQ(haft_table_check(t.table, reused), HAFT_OK);
  // Handles that are not ready.
  const haft_handle ready = loan->ready[5];
  loan->ready[0] = live;
  loan->ready[1] = ~haft_handle{0};
  loan->ready[2] = 0;
  loan->ready[3] = ready;
  loan->ready_count = 4;
  haft_return(loan);
  EXPECT_EQ(haft_table_check(t.table, live), HAFT_OK);
  EXPECT_EQ(object, 1);
  // Counts that cannot be.
  for (const unsigned count : {kLoan + 1, ~0u}) {
    haft_loan* const other = t.Lend();
    other->ready_count = count;
    EXPECT_EQ(haft_settle(other), HAFT_INVALID) << count;
    EXPECT_EQ(other->ready_count, count);
    other->ready_count = kLoan;
    other->ended_count = count;
    EXPECT_EQ(haft_settle(other), HAFT_INVALID) << count;
    EXPECT_EQ(t.Delete(other, reused), HAFT_OK) << "by the call";
    EXPECT_EQ(haft_table_new(t.table, &object, &kCounted, &reused), HAFT_OK);
    haft_return(other);
  }
  // It has lost the slots of the handles that it forgot, and no others.
  EXPECT_EQ(haft_table_delete(t.table, live, nullptr), HAFT_OK);
  EXPECT_EQ(haft_table_delete(t.table, reused, nullptr), HAFT_OK);
  EXPECT_EQ(t.Room(), room - 3 * kLoan);
}

// A borrower that counts a handle as ready which it has issued.
TEST(LoanTest, AnIssuedHandleIsNotTakenBack) {
  const Table t;
  haft_loan* const loan = t.Lend();
  std::atomic<int> object{0};
  const haft_handle handle = t.New(loan, &object);
  loan->ready_count = kLoan;
  haft_return(loan);
  EXPECT_EQ(haft_table_check(t.table, handle), HAFT_OK);
  EXPECT_EQ(object, 0);
  EXPECT_EQ(haft_table_delete(t.table, handle, &kCounted), HAFT_OK);
  EXPECT_EQ(object, 1);
}

// --- Threads ---------------------------------------------------------------

TEST(LoanTest, ALoanOfAThreadEndsWithIt) {
  const std::size_t most = Table().LendAll().size();
  std::atomic<int> object{0};
  const Table u;
  haft_handle kept = 0;
  std::thread([&] {
    for (unsigned i = 0; i < 3; ++i) {
      haft_loan* const loan = u.Lend(&kCounted, HAFT_LEND_TO_THREAD);
      kept = u.New(loan, &object);
      EXPECT_EQ(u.Delete(loan, u.New(loan, &object)), HAFT_OK);
    }
    EXPECT_EQ(object, 0);
  }).join();
  EXPECT_EQ(object, 3);
  u.ExpectCounts(6, 3);
  EXPECT_EQ(haft_table_check(u.table, kept), HAFT_OK);
  EXPECT_EQ(u.LendAll().size(), most);
}

TEST(LoanTest, NothingIsLostWhenAThreadWithLoansEnds) {
  const Table t;
  std::atomic<int> object{0};
  const std::size_t room = t.Room();
  for (unsigned i = 0; i < 2 * kMostLoans; ++i) {
    std::thread([&] {
      haft_loan* const loan = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
      EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
      // One that is returned can be had again by the same thread.
      haft_return(loan);
      (void)t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
    }).join();
  }
  EXPECT_EQ(object, static_cast<int>(2 * kMostLoans));
  // Up to two magazines of the threads' one cache number are out of reach.
  EXPECT_GE(t.Room() + 2 * kLoan, room);
}

TEST(LoanTest, ALoanOfNoThreadOutlivesTheThread) {
  const Table t;
  std::atomic<int> object{0};
  haft_loan* loan = nullptr;
  std::thread([&] {
    loan = t.Lend();
    EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
  }).join();
  EXPECT_EQ(object, 0);
  EXPECT_EQ(loan->ready_count, kLoan - 1);
  EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
  haft_return(loan);
  EXPECT_EQ(object, 2);
}

TEST(LoanTest, AnotherThreadMayReturnAThreadsLoan) {
  const Table t;
  std::atomic<int> object{0};
  std::atomic<haft_loan*> shared{nullptr};
  std::atomic<bool> returned{false};
  std::thread thread([&] {
    haft_loan* const loan = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
    EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
    shared = loan;
    while (!returned) std::this_thread::yield();
    (void)t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
  });
  while (shared == nullptr) std::this_thread::yield();
  haft_return(shared);
  EXPECT_EQ(object, 1);
  returned = true;
  thread.join();
  EXPECT_EQ(t.LendAll().size(), Table().LendAll().size());
}

// Borrowers, and threads that use their handles by calls. Every object is
// destroyed once, and never while it is pinned.
TEST(LoanStressTest, BorrowersAndCallersShareATable) {
  const Table t(10'000);
  constexpr unsigned kThreads = 4;
  const unsigned rounds = haft::testing::kSanitized ? 3'000 : 50'000;
  struct Object {
    std::atomic<int> destroyed{0};
    std::atomic<int> pins{0};
  };
  static constexpr haft_type kObject = {
      "object", nullptr,
      [](void* context) {
        auto* const object = static_cast<Object*>(context);
        EXPECT_EQ(object->pins, 0);
        EXPECT_EQ(object->destroyed.fetch_add(1), 0);
      },
      0, 0};
  std::vector<std::vector<Object>> objects(kThreads);
  for (auto& mine : objects) mine = std::vector<Object>(rounds);
  std::atomic<haft_handle> shared[16] = {};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < kThreads; ++k) {
    threads.emplace_back([&, k] {
      haft_loan* const loan = t.Lend(&kObject, HAFT_LEND_TO_THREAD);
      const auto end = [&](haft_handle handle) {
        if (handle == 0) return;
        const haft_status status =
            k % 2 ? t.Delete(loan, handle, &kObject)
                  : haft_table_delete(t.table, handle, &kObject);
        EXPECT_EQ(status, HAFT_OK);
      };
      for (unsigned i = 0; i < rounds; ++i) {
        const haft_handle handle = t.New(loan, &objects[k][i]);
        std::atomic<haft_handle>& place = shared[(i * 7 + k) % 16];
        const haft_handle other = shared[(i * 5 + k) % 16];
        haft_pin pin;
        void* found;
        if (haft_table_pin_object(t.table, other, &kObject, &pin, &found) ==
            HAFT_OK) {
          auto* const object = static_cast<Object*>(found);
          ++object->pins;
          EXPECT_EQ(object->destroyed, 0);
          --object->pins;
          haft_unpin(&pin);
        }
        end(place.exchange(handle));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& place : shared) {
    if (place != 0) {
      EXPECT_EQ(haft_table_delete(t.table, place, &kObject), HAFT_OK);
    }
  }
  for (auto& mine : objects) {
    for (Object& object : mine) ASSERT_EQ(object.destroyed, 1);
  }
  t.ExpectCounts(kThreads * rounds, kThreads * rounds);
}

// --- Forks -----------------------------------------------------------------

TEST(LoanTest, AChildTakesBackTheLoansOfThreadsThatItDoesNotHave) {
  const Table t;
  const std::size_t most = Table().LendAll().size();
  std::atomic<int> object{0};
  std::atomic<bool> lent{false}, done{false};
  std::thread thread([&] {
    haft_loan* const loan = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
    EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
    lent = true;
    while (!done) std::this_thread::yield();
  });
  while (!lent) std::this_thread::yield();
  haft_loan* const mine = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
  haft_loan* const shared = t.Lend();
  InChild([&] {
    EXPECT_EQ(object, 0);
    haft_loan* const loan = t.Lend();
    EXPECT_EQ(object, 1) << "the other thread's was not taken back";
    // Those of this thread and of none go on.
    EXPECT_EQ(t.Delete(mine, t.New(mine, &object)), HAFT_OK);
    EXPECT_EQ(t.Delete(shared, t.New(shared, &object)), HAFT_OK);
    haft_return(mine);
    haft_return(shared);
    haft_return(loan);
    EXPECT_EQ(object, 3);
    t.ExpectCounts(3, 3);
    EXPECT_EQ(t.LendAll().size(), most);
  });
  EXPECT_EQ(object, 0);
  done = true;
  thread.join();
  EXPECT_EQ(object, 1);
}

TEST(LoanTest, ALoanDoesNotEndWithTheThreadThatReturnedIt) {
  const Table t;
  haft_loan* loan = nullptr;
  std::atomic<int> step{0};
  std::thread thread([&] {
    loan = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
    haft_return(loan);
    step = 1;
    while (step != 2) std::this_thread::yield();
  });
  while (step != 1) std::this_thread::yield();
  EXPECT_EQ(t.Lend(&kCounted, HAFT_LEND_TO_THREAD), loan);
  step = 2;
  thread.join();
  EXPECT_EQ(loan->ready_count, kLoan);
  std::atomic<int> object{0};
  EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
  haft_return(loan);
  EXPECT_EQ(object, 1);
}

TEST(LoanTest, AChildKeepsALoanThatWasAnAbsentThreadsBefore) {
  const Table t;
  std::atomic<int> object{0};
  std::atomic<haft_loan*> returned{nullptr};
  std::atomic<bool> done{false};
  std::thread thread([&] {
    haft_loan* const loan = t.Lend(&kCounted, HAFT_LEND_TO_THREAD);
    haft_return(loan);
    returned = loan;
    while (!done) std::this_thread::yield();
  });
  while (!returned) std::this_thread::yield();
  haft_loan* const mine = t.Lend();
  EXPECT_EQ(mine, returned);
  InChild([&] {
    haft_return(t.Lend());
    EXPECT_EQ(mine->ready_count, kLoan) << "it was ended";
    EXPECT_EQ(t.Delete(mine, t.New(mine, &object)), HAFT_OK);
    haft_return(mine);
    EXPECT_EQ(object, 1);
  });
  done = true;
  thread.join();
  haft_return(mine);
}

// The thread's first call is the one that lends.
TEST(LoanTest, AForkKeepsTheLoansOfTheThreadThatForks) {
  const Table t;
  std::atomic<int> object{0};
  std::thread([&] {
    haft_loan* loan = nullptr;
    ASSERT_EQ(haft_lend(t.table, &kCounted, HAFT_LEND_TO_THREAD, &loan),
              HAFT_OK);
    InChild([&] {
      haft_return(t.Lend());
      EXPECT_EQ(loan->ready_count, kLoan);
      EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
      EXPECT_EQ(loan->ended_count, 1u);
    });
  }).join();
}

TEST(LoanTest, CountsThatCannotBeDoNotHarmAChildOrTheTable) {
  auto* const t = new Table;
  haft_loan* const loan = t->Lend();
  loan->ready_count = ~0u;
  InChild([&] { EXPECT_EQ(haft_settle(loan), HAFT_INVALID); });
  delete t;
  EXPECT_EQ(loan->ready_count, 0u);
  EXPECT_EQ(loan->ended_count, kLoan);
  haft_return(loan);
}

TEST(LoanTest, ParentAndChildIssueDifferentHandles) {
  const Table t;
  haft_loan* const loan = t.Lend(&kBorrowed);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  constexpr unsigned kHandles = 2 * kLoan;
  InChild([&] {
    for (unsigned i = 0; i < kHandles; ++i) {
      const haft_handle handle = t.New(loan, nullptr);
      EXPECT_EQ(haft_table_check(t.table, handle), HAFT_OK);
      ASSERT_EQ(write(ends[1], &handle, sizeof(handle)),
                static_cast<ssize_t>(sizeof(handle)));
      if (i % 2 == 0) {
        EXPECT_EQ(t.Delete(loan, handle, &kBorrowed), HAFT_OK);
      }
    }
    haft_return(loan);
  });
  std::set<haft_handle> of_parent;
  for (unsigned i = 0; i < kHandles; ++i)
    of_parent.insert(t.New(loan, nullptr));
  for (unsigned i = 0; i < kHandles; ++i) {
    haft_handle handle;
    ASSERT_EQ(read(ends[0], &handle, sizeof(handle)),
              static_cast<ssize_t>(sizeof(handle)));
    EXPECT_EQ(of_parent.count(handle), 0u);
    EXPECT_NE(haft_table_check(t.table, handle), HAFT_OK);
  }
  close(ends[0]);
  close(ends[1]);
}

// --- The ends of tables ----------------------------------------------------

TEST(LoanTest, ADestroyedTableHasTakenEverythingBack) {
  std::atomic<int> object{0};
  haft_loan* loan = nullptr;
  {
    const Table t;
    loan = t.Lend();
    (void)t.New(loan, &object);
    EXPECT_EQ(t.Delete(loan, t.New(loan, &object)), HAFT_OK);
  }
  EXPECT_EQ(object, 2);
  EXPECT_EQ(haft_settle(loan), HAFT_INVALID);
  haft_return(loan);
  // A thread that ends after the table.
  std::atomic<bool> lent{false}, destroyed{false};
  Table* const u = new Table;
  std::thread thread([&] {
    haft_loan* const of_thread = u->Lend(&kCounted, HAFT_LEND_TO_THREAD);
    EXPECT_EQ(u->Delete(of_thread, u->New(of_thread, &object)), HAFT_OK);
    lent = true;
    while (!destroyed) std::this_thread::yield();
  });
  while (!lent) std::this_thread::yield();
  delete u;
  EXPECT_EQ(object, 3);
  destroyed = true;
  thread.join();
  EXPECT_EQ(object, 3);
}

std::jmp_buf before_settling;
void LeaveIfTold(void* context) {
  auto* const left = static_cast<int*>(context);
  if (--*left == 0) std::longjmp(before_settling, 1);
}
constexpr haft_type kLeft = {"left", nullptr, &LeaveIfTold, 0, 0};
TEST(LoanTest, ADestroyCallbackThatIsLeftLosesItsOwnObjectOnly) {
  const Table t;
  haft_loan* const loan = t.Lend(&kLeft);
  static int destroys_left;
  destroys_left = 3;
  for (unsigned i = 0; i < 5; ++i) {
    EXPECT_EQ(t.Delete(loan, t.New(loan, &destroys_left), &kLeft), HAFT_OK);
  }
  if (setjmp(before_settling) == 0) {
    (void)haft_settle(loan);
    FAIL() << "not left";
  }
  EXPECT_EQ(loan->ended_count, 2u);
  EXPECT_EQ(haft_settle(loan), HAFT_OK);
  EXPECT_EQ(destroys_left, -2);
  haft_return(loan);
  t.ExpectCounts(5, 4);
}

struct Reentrant {
  const Table* table;
  haft_loan* loan;
  unsigned left;
  unsigned destroyed = 0;
};
void MakeAndEndAnother(void* context);
constexpr haft_type kReentrant = {"reentrant", nullptr, &MakeAndEndAnother, 0,
                                  0};
void MakeAndEndAnother(void* context) {
  auto* const self = static_cast<Reentrant*>(context);
  ++self->destroyed;
  if (self->left == 0) return;
  --self->left;
  EXPECT_EQ(self->table->Delete(self->loan, self->table->New(self->loan, self),
                                &kReentrant),
            HAFT_OK);
  if (self->left % 7 == 0) {
    EXPECT_NE(haft_settle(self->loan), HAFT_INVALID);
  }
}
// The fuzzer found that such a loan was lent again before it was returned.
TEST(LoanTest, ALoanOfADestroyedTableIsNotLentBeforeItIsReturned) {
  const Table u;
  auto* const t = new Table;
  haft_loan* const loans[] = {t->Lend(&kCounted, HAFT_LEND_TO_THREAD),
                              t->Lend()};
  delete t;
  for (unsigned i = 0; i < 3; ++i) {
    for (haft_loan* const loan : loans) {
      EXPECT_NE(u.Lend(&kCounted, HAFT_LEND_TO_THREAD), loan);
      EXPECT_NE(u.Lend(), loan);
      EXPECT_EQ(haft_settle(loan), HAFT_INVALID);
    }
  }
  for (haft_loan* const loan : loans) haft_return(loan);
}

void UseLoanOfDyingTable(void* context);
constexpr haft_type kLast = {"last", nullptr, &UseLoanOfDyingTable, 0, 0};
void UseLoanOfDyingTable(void* context) {
  auto* const self = static_cast<Reentrant*>(context);
  ++self->destroyed;
  EXPECT_EQ(haft_settle(self->loan), HAFT_INVALID);
  if (self->left == 0) return;
  --self->left;
  // The call destroys it at once.
  const unsigned before = self->destroyed;
  const haft_handle handle = self->table->New(self->loan, self);
  EXPECT_EQ(self->table->Delete(self->loan, handle, &kLast), HAFT_OK);
  EXPECT_GT(self->destroyed, before);
}
TEST(LoanTest, ADestroyCallbackMayUseALoanOfATableThatIsDestroyed) {
  auto* const t = new Table;
  Reentrant self = {t, t->Lend(&kLast), 10};
  (void)t->New(self.loan, &self);
  delete t;
  EXPECT_EQ(self.destroyed, 11u);
  haft_return(self.loan);
}

TEST(LoanTest, ADestroyCallbackMayUseTheLoanThatIsSettled) {
  const Table t;
  Reentrant self = {&t, t.Lend(&kReentrant), 1000};
  EXPECT_EQ(t.Delete(self.loan, t.New(self.loan, &self), &kReentrant), HAFT_OK);
  EXPECT_EQ(haft_settle(self.loan), HAFT_OK);
  EXPECT_EQ(self.destroyed, 1001u);
  self.left = 1000;
  EXPECT_EQ(t.Delete(self.loan, t.New(self.loan, &self), &kReentrant), HAFT_OK);
  haft_return(self.loan);
  EXPECT_EQ(self.destroyed, 2002u);
  t.ExpectCounts(2002, 2002);
}

}  // namespace
