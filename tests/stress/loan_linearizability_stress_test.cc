// Stress tests of linearizability through the C ABI: threads that borrow, by a
// borrower in plain C11, beside threads that make calls.
// HAFT_HISTORY_OPERATIONS: tests/support/workload.h.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/view.h"
#include "tests/support/borrower.h"
#include "tests/support/history.h"
#include "tests/support/linearizability.h"
#include "tests/support/testing.h"
#include "tests/support/workload.h"

namespace haft::testing {
namespace {

// Objects are numbers, which are stored as addresses.
void* ObjectOf(std::uint32_t value) {
  return reinterpret_cast<void*>(std::uintptr_t{value} + 1);
}
std::uint32_t ValueOf(const void* object) {
  const auto number = reinterpret_cast<std::uintptr_t>(object);
  return number == 0 || number > Event::kTornValue
             ? Event::kTornValue
             : static_cast<std::uint32_t>(number - 1);
}

thread_local Log* log_of_this_thread = nullptr;

void NoteDestruction(void* object) {
  Log& log = *log_of_this_thread;
  const Stamp begin = log.clock().After();
  log.Add(Op::kDestroy, begin, log.clock().Before(), 0, ValueOf(object));
}
constexpr haft_type kNoted = {"noted", nullptr, &NoteDestruction, 0, 0};
constexpr haft_type kOther = {"other", nullptr, nullptr, 0, 0};

// What is in the history of a loan: an ended handle's object is held, as if by
// a pin, from the deletion to the settlement.
class Loan {
 public:
  Loan(haft_table* table, Log& log, unsigned flags) : log_(log) {
    EXPECT_EQ(haft_lend(table, &kNoted, flags, &loan_), HAFT_OK);
  }

  haft_loan* get() const { return loan_; }

  void AddEnded(haft_handle handle) {
    ended_.push_back(handle);
    if (loan_->ended_count == HAFT_LOAN_HANDLES) Settle();
  }
  // Before this returns, there are ready handles.
  void Settle() {
    const Stamp begin = log_.clock().Before();
    EXPECT_EQ(haft_settle(loan_), HAFT_OK);
    AddUnpins(begin, log_.clock().After());
  }
  void Return() {
    const Stamp begin = log_.clock().Before();
    haft_return(loan_);
    AddUnpins(begin, log_.clock().After());
  }
  // The loan ends after this thread has ended.
  void Leave() { AddUnpins(log_.clock().Before(), kNever); }

 private:
  void AddUnpins(Stamp begin, Stamp end) {
    for (const haft_handle handle : ended_)
      log_.Add(Op::kUnpin, begin, end, handle);
    ended_.clear();
  }

  Log& log_;
  haft_loan* loan_ = nullptr;
  std::vector<haft_handle> ended_;
};

class LoanWorkload : public Workload<LoanWorkload> {
 public:
  // Far more handles than are live at any time: a full table cannot be
  // explained, however many ready and ended handles wait in loans.
  static constexpr std::size_t kCapacity = 1000;

  LoanWorkload(unsigned threads, Passing passing) : Workload(threads, passing) {
    EXPECT_EQ(haft_table_create(kCapacity, &table_), HAFT_OK);
    EXPECT_EQ(haft_table_view(table_, HAFT_VIEW_ABI, &view_), HAFT_OK);
  }
  ~LoanWorkload() { haft_table_destroy(table_); }

  // Every second thread borrows.
  void RunThread(Log& log, std::minstd_rand& random) {
    log_of_this_thread = &log;
    const bool borrows = borrowers_.fetch_add(1) % 2 == 0;
    Memory memory;
    std::vector<Held> held;
    std::unique_ptr<Loan> loan;
    bool is_the_threads = false;
    while (!IsDone(log)) {
      if (borrows && !loan) {
        is_the_threads = random() % 2 == 0;
        loan = std::make_unique<Loan>(table_, log,
                                      is_the_threads ? HAFT_LEND_TO_THREAD : 0);
      }
      Step(log, random, memory, held, loan.get());
      if (loan && random() % 512 == 0) {
        loan->Return();
        loan.reset();
      }
    }
    LetGo(log, held, 0);
    if (!loan) return;
    if (is_the_threads) {
      loan->Leave();
    } else {
      loan->Return();
    }
  }

  void Finish(Log& log) {
    log_of_this_thread = &log;
    for (std::atomic<Held*>& passed : passed_) {
      const std::unique_ptr<Held> pin(passed.load());
      if (pin) Unpin(log, *pin);
    }
    std::vector<haft_handle> live;
    haft_table_for_each(
        table_,
        [](void* list, haft_handle handle, const haft_type*, void*) {
          static_cast<std::vector<haft_handle>*>(list)->push_back(handle);
          return 0;
        },
        &live);
    for (const haft_handle handle : live) Delete(log, Handle(handle), nullptr);
    haft_stats stats;
    ASSERT_EQ(haft_table_stats(table_, &stats), HAFT_OK);
    EXPECT_EQ(stats.live, 0u);
    EXPECT_EQ(stats.created, stats.deleted);
    lent_handles_ = lent_;
  }

  // How many handles were ended by way of a loan.
  std::size_t lent_handles() const { return lent_handles_; }

 private:
  struct Held {
    haft_pin pin;
    Word handle;
    void* object;
  };

  void Step(Log& log, std::minstd_rand& random, Memory& memory,
            std::vector<Held>& held, Loan* loan) {
    const Handle handle = random() % 4 == 0 ? memory.Any(random) : Look(random);
    switch (random() % 12) {
      case 0:
      case 1:
      case 2:
        return Make(log, random, memory, loan);
      case 3:
      case 4:
        return Delete(log, handle, loan);
      case 5:
      case 6:
      case 7:
        return Value(log, handle, random() % 2 == 0);
      case 8:
        return Pass(log, random, held);
      case 9:
        return LetGo(log, held, random() % 4);
      default:
        return Pin(log, random, handle, held);
    }
  }

  void Make(Log& log, std::minstd_rand& random, Memory& memory, Loan* loan) {
    // Now and then by a call, although there are ready handles.
    if (loan && random() % 8 == 0) loan = nullptr;
    if (loan && loan->get()->ready_count == 0) loan->Settle();
    const std::uint32_t value = NextValue(log);
    haft_handle handle = 0;
    const Stamp begin = log.clock().Before();
    const haft_status status =
        loan ? borrower_new(&view_, loan->get(), ObjectOf(value), &handle)
             : haft_table_new(table_, ObjectOf(value), &kNoted, &handle);
    const Stamp end = log.clock().After();
    if (status != HAFT_OK) {
      EXPECT_EQ(status, HAFT_FULL);
      return log.Add(Op::kFull, begin, end);
    }
    log.Add(Op::kNew, begin, end, handle, value);
    Delete(log, memory.Replace(random, Swap(random, Handle(handle))), loan);
  }

  void Delete(Log& log, Handle handle, Loan* loan) {
    if (!handle) return;
    const auto word = static_cast<Word>(handle);
    int lent = 0;
    const Stamp begin = log.clock().Before();
    const haft_status status =
        loan ? borrower_delete(&view_, loan->get(), word, &kNoted, &lent)
             : haft_table_delete(table_, word, &kNoted);
    const Stamp end = log.clock().After();
    log.Add(status == HAFT_OK ? Op::kDelete : Op::kMiss, begin, end, word);
    if (!lent) return;
    log.Add(Op::kPin, begin, end, word);
    lent_.fetch_add(1, std::memory_order_relaxed);
    loan->AddEnded(word);
  }

  void Value(Log& log, Handle handle, bool by_view) {
    if (!handle) return;
    const auto word = static_cast<Word>(handle);
    void* object = nullptr;
    const Stamp begin = log.clock().Before();
    const haft_status status =
        by_view ? borrower_value(&view_, word, &kNoted, &object)
                : haft_table_value(table_, word, &kNoted, &object);
    const Stamp end = log.clock().After();
    const bool hit = status == HAFT_OK;
    log.Add(hit ? Op::kHit : Op::kMiss, begin, end, word,
            hit ? ValueOf(object) : Event::kNoValue);
    EXPECT_NE(borrower_value(&view_, word, &kOther, &object), HAFT_OK);
  }

  void Pin(Log& log, std::minstd_rand& random, Handle handle,
           std::vector<Held>& held) {
    if (!handle) return;
    Held pin{};
    pin.handle = static_cast<Word>(handle);
    const Stamp begin = log.clock().Before();
    const haft_status status = haft_table_pin_object(
        table_, pin.handle, &kNoted, &pin.pin, &pin.object);
    const Stamp end = log.clock().After();
    const bool pinned = status == HAFT_OK;
    log.Add(pinned ? Op::kPin : Op::kPinMiss, begin, end, pin.handle,
            pinned ? ValueOf(pin.object) : Event::kNoValue);
    if (!pinned) return;
    held.push_back(pin);
    LetGo(log, held, random() % 4);
  }
  void LetGo(Log& log, std::vector<Held>& held, std::size_t keep) {
    while (held.size() > keep) {
      Unpin(log, held.front());
      held.erase(held.begin());
    }
  }
  void Unpin(Log& log, Held& held) {
    const Stamp begin = log.clock().Before();
    haft_unpin(&held.pin);
    log.Add(Op::kUnpin, begin, log.clock().After(), held.handle);
  }
  void Pass(Log& log, std::minstd_rand& random, std::vector<Held>& held) {
    std::unique_ptr<Held> given;
    if (!held.empty()) {
      given = std::make_unique<Held>(held.back());
      held.pop_back();
    }
    const std::unique_ptr<Held> taken(
        passed_[random() % passed_.size()].exchange(given.release(),
                                                    std::memory_order_acq_rel));
    if (taken) Unpin(log, *taken);
  }

  haft_table* table_ = nullptr;
  haft_view view_;
  std::atomic<unsigned> borrowers_{0};
  std::atomic<std::size_t> lent_{0};
  std::size_t lent_handles_ = 0;
  std::array<std::atomic<Held*>, 2> passed_{};
};

void ExpectLinearizable(unsigned threads, Passing passing) {
  LoanWorkload workload(threads, passing);
  workload.Run();
  std::vector<Event> history = workload.TakeHistory();
  for (const Op op : {Op::kNew, Op::kHit, Op::kMiss, Op::kDelete, Op::kPin,
                      Op::kPinMiss, Op::kUnpin, Op::kDestroy})
    EXPECT_GT(CountOf(history, op), 0u) << int(op);
  EXPECT_EQ(CountOf(history, Op::kFull), 0u);
  EXPECT_GT(CountOf(history, Op::kNew), history.size() / 500);
  EXPECT_GT(workload.lent_handles(), CountOf(history, Op::kDelete) / 10);
  workload.ExpectExplained<DefaultLayout>(
      LinearizabilityChecker<DefaultLayout>::Kind::kObjects,
      LoanWorkload::kCapacity, std::move(history));
}

TEST(LoanLinearizabilityStressTest, AThreadForEachCore) {
  ExpectLinearizable(Cores(), Passing::kSynchronised);
}
TEST(LoanLinearizabilityStressTest, MoreThreadsThanCores) {
  ExpectLinearizable(kOversubscribed, Passing::kSynchronised);
}
TEST(LoanLinearizabilityStressTest, WithoutFences) {
  ExpectLinearizable(Cores(), Passing::kWithoutFences);
}
TEST(LoanLinearizabilityStressTest, WithoutFencesAndMoreThreadsThanCores) {
  ExpectLinearizable(kOversubscribed, Passing::kWithoutFences);
}
TEST(LoanLinearizabilityStressTest, UnsynchronisedHandles) {
  ExpectLinearizable(Cores(), Passing::kUnsynchronised);
}
TEST(LoanLinearizabilityStressTest,
     UnsynchronisedHandlesAndMoreThreadsThanCores) {
  ExpectLinearizable(kOversubscribed, Passing::kUnsynchronised);
}

}  // namespace
}  // namespace haft::testing
