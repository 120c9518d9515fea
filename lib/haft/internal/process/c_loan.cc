// The loans of view.h.

#include <cstdint>

#include "haft/haft.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/reuse_list.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/process/c_call.h"
#include "haft/internal/process/loan.h"
#include "haft/internal/process/process_table.h"
#include "haft/internal/thread/thread_registry.h"
#include "haft/view.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// A loan, with what the borrower does not see. Loans are never freed, because a
// borrower may keep one of a table that has been destroyed.
struct Loan : CheckedLoan, ReuseList<Loan>::Link, AllocatedByMalloc {
  Loan() noexcept : CheckedLoan{} {}

  // Null if nothing is lent, or if the table has taken everything back.
  sync::Atomic<CTable*> table{nullptr};
  // If it belongs to a thread: the number of its lease, and the identity of the
  // thread. Otherwise 0.
  sync::Atomic<std::uint64_t> lease{0};
  sync::Atomic<std::uint64_t> owner{0};
};

// A loan that belongs to the thread in whose list this is, as long as the loan
// has the lease of this number.
struct Lease : AllocatedByMalloc {
  // relaxed: a number that no other lease has.
  bool IsValid() const noexcept {
    return number != 0 && loan->lease.load(std::memory_order_relaxed) == number;
  }
  Loan* loan = nullptr;
  std::uint64_t number = 0;
  Lease* next = nullptr;
};

// Constant-initialised, all, because threads use them until the process ends.
ReuseList<Loan> loans;
sync::Atomic<std::uint64_t> leases{0};  // ever made
sync::ThreadExitHook exit_hook;
sync::ForkHook fork_hook;

template <typename F>
void ForEachLoanOf(const CTable* table, F f) noexcept {
  loans.ForEach([table, f](Loan& loan) {
    // relaxed: either the calling thread has put the table there, or the caller
    // needs an estimate only.
    if (loan.table.load(std::memory_order_relaxed) == table) f(loan);
  });
}

// For a loan that no borrower has any more.
void GiveLoan(Loan& loan) noexcept {
  // relaxed, both: Give publishes them.
  loan.lease.store(0, std::memory_order_relaxed);
  loan.owner.store(0, std::memory_order_relaxed);
  loans.Give(loan);
}

// Gives back what is in a loan, unless its table has been destroyed.
void EndLoan(Loan& loan) noexcept {
  // relaxed: the caller's own.
  CTable* const table = loan.table.load(std::memory_order_relaxed);
  if (table == nullptr) return;
  EmptyLoan(*table, loan);
  // From now on, a borrower that goes on makes calls.
  WriteCount(loan.ready_count, 0);
  WriteCount(loan.ended_count, HAFT_LOAN_HANDLES);
  loan.table.store(nullptr, std::memory_order_relaxed);
  table->ReleaseLoan();
}

void OnThreadExit(void* first) noexcept {
  for (auto* lease = static_cast<Lease*>(first); lease != nullptr;) {
    Lease* const next = lease->next;
    if (lease->IsValid()) {
      EndLoan(*lease->loan);
      GiveLoan(*lease->loan);
    }
    delete lease;
    lease = next;
  }
}

// Returns a lease for the calling thread to write to, or nullptr if there is no
// memory.
Lease* LeaseOfThread() noexcept {
  auto* const first = static_cast<Lease*>(exit_hook.Cookie());
  for (Lease* lease = first; lease != nullptr; lease = lease->next) {
    if (!lease->IsValid()) return lease;
  }
  auto* const lease = new (kNoThrow) Lease;
  if (lease == nullptr) return nullptr;
  lease->next = first;
  if (exit_hook.Arm(lease)) return lease;
  delete lease;
  return nullptr;
}

// Takes a loan that ends with the calling thread. Returns nullptr if there is
// no memory.
Loan* TakeLoanOfThread(const ThreadRegistry& registry) noexcept {
  Lease* const lease = LeaseOfThread();
  if (lease == nullptr) return nullptr;
  Loan* const loan = loans.Take();
  if (loan == nullptr) return nullptr;
  // relaxed, all: numbers; in the child of a fork there is no other thread.
  lease->loan = loan;
  lease->number = leases.fetch_add(1, std::memory_order_relaxed) + 1;
  loan->lease.store(lease->number, std::memory_order_relaxed);
  loan->owner.store(registry.Identity(), std::memory_order_relaxed);
  return loan;
}

// In the child of a fork, before it has threads: replaces the ready handles of
// all loans by later ones, as TableRegistry does with those of tables.
void OnForkInChild() noexcept {
  const std::uint64_t fraction = sync::RandomWord();
  loans.ForEach([fraction](Loan& loan) {
    if (!IsIntact(loan)) return;
    for (std::uint32_t i = 0; i < ReadCount(loan.ready_count); ++i)
      loan.ready[i] = loan.lent[i] = CTable::Later(loan.ready[i], fraction);
  });
}

// In the child of a fork: ends the loans of threads that it does not have.
void EndLoansOfAbsentThreads(const ThreadRegistry& registry) noexcept {
  loans.ForEach([&registry](Loan& loan) {
    // relaxed, both: one thread gets to end it, and what is in it was written
    // before the fork.
    std::uint64_t owner = loan.owner.load(std::memory_order_relaxed);
    if (owner == 0 || !registry.IsAbsent(owner) ||
        !loan.owner.compare_exchange_strong(owner, 0, std::memory_order_relaxed,
                                            std::memory_order_relaxed))
      return;
    EndLoan(loan);
    GiveLoan(loan);
  });
}

}  // namespace

LoanSums SumsOfLoans(const CTable& table) noexcept {
  LoanSums sums{0, 0};
  ForEachLoanOf(&table, [&sums](const Loan& loan) {
    sums.ready += ReadCount(loan.ready_count);
    sums.ended += ReadCount(loan.ended_count);
  });
  return sums;
}

void EndLoansOf(CTable& table) noexcept {
  ForEachLoanOf(&table, [](Loan& loan) { EndLoan(loan); });
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

using haft::internal::CTable;
using haft::internal::FillLoan;
using haft::internal::Loan;
using haft::internal::SettleLoan;
using haft::internal::ThreadRegistry;
using haft::internal::ToC;

extern "C" {

haft_status haft_lend(haft_table* name, const haft_type* type, unsigned flags,
                      haft_loan** lent) {
  if (type == nullptr || lent == nullptr || (flags & ~HAFT_LEND_TO_THREAD) != 0)
    return HAFT_INVALID;
  CTable* const table = haft::internal::TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  haft::internal::fork_hook.Prepare(&haft::internal::OnForkInChild);
  ThreadRegistry& registry = ThreadRegistry::OfThisCopy();
  haft::internal::EndLoansOfAbsentThreads(registry);
  if (!table->ClaimLoan()) return HAFT_FULL;
  Loan* loan = nullptr;
  if (flags == 0) {
    loan = haft::internal::loans.Take();
  } else if (haft::internal::exit_hook.Prepare(&haft::internal::OnThreadExit)) {
    registry.Claim();  // gives the thread its identity
    loan = haft::internal::TakeLoanOfThread(registry);
  }
  if (loan == nullptr) {
    table->ReleaseLoan();
    return HAFT_OUT_OF_MEMORY;
  }
  loan->type = type;
  loan->ready_count = loan->ended_count = 0;
  FillLoan(*table, *loan, HAFT_LOAN_HANDLES);
  if (loan->ready_count == 0) {
    haft::internal::GiveLoan(*loan);
    table->ReleaseLoan();
    return HAFT_FULL;
  }
  // relaxed: threads that add up may see it late.
  loan->table.store(table, std::memory_order_relaxed);
  *lent = loan;
  return HAFT_OK;
}

haft_status haft_settle(haft_loan* lent) {
  if (lent == nullptr) return HAFT_INVALID;
  auto* const loan = static_cast<Loan*>(lent);
  // relaxed: the caller's own.
  CTable* const table = loan->table.load(std::memory_order_relaxed);
  if (table == nullptr) return HAFT_INVALID;
  return ToC(SettleLoan(*table, *loan, HAFT_LOAN_HANDLES));
}

void haft_return(haft_loan* lent) {
  if (lent == nullptr) return;
  auto* const loan = static_cast<Loan*>(lent);
  haft::internal::EndLoan(*loan);
  haft::internal::GiveLoan(*loan);
}

}  // extern "C"
