// The process-wide table, and how a C call finds its table.

#ifndef HAFT_INTERNAL_PROCESS_PROCESS_TABLE_H_
#define HAFT_INTERNAL_PROCESS_PROCESS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "haft/haft.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/fast_path_gate.h"

namespace haft::internal {
inline namespace HAFT_ABI {

class TableHistory;  // haft/internal/diagnostics/table_history.h
class CTable;

// How many handles of `table` its loans hold, ready and ended. Defined, as the
// next one, in c_loan.cc.
struct LoanSums {
  std::uint64_t ready, ended;
};
LoanSums SumsOfLoans(const CTable& table) noexcept;
// Ends all loans of `table`, which is about to be destroyed.
void EndLoansOf(CTable& table) noexcept;

// The class behind `haft_table`: an AnyTable that records the history of its
// handles if diagnostics ask for that.
class CTable final : public AnyTable, public AllocatedByMalloc {
 public:
  // Returns nullptr if there is no memory.
  static std::unique_ptr<CTable> Create(std::size_t capacity) noexcept;
  ~CTable();

  // Returns nullptr if no history is recorded.
  TableHistory* history() const noexcept { return history_.get(); }

  // Counts one more loan, or returns false if the slots set aside are used up.
  bool ClaimLoan() noexcept {
    // relaxed: a count.
    if (loans_.fetch_add(1, std::memory_order_relaxed) < MostLoans())
      return true;
    ReleaseLoan();
    return false;
  }
  void ReleaseLoan() noexcept {
    // relaxed: a count.
    loans_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  explicit CTable(std::size_t capacity) noexcept;

  std::unique_ptr<TableHistory> history_;
  sync::Atomic<std::size_t> loans_{0};
};

// Returns the table that `table` means, which for null is the process-wide one.
// The first call that asks for that one creates it.
//   Returns   nullptr if there is no memory for the process-wide table
CTable* TableOf(haft_table* table) noexcept;

// Returns the process-wide table, or nullptr if it has not been created.
CTable* ProcessTableOrNull() noexcept;

// Frees what haft_intern keeps of handles that have ended; see
// InternTable::Collect. Defined in c_intern.cc.
void CollectInterned() noexcept;

// How many pins haft_unpin has refused, because they had ended before.
inline sync::Atomic<std::uint64_t> refused_unpins{0};

// Holds the process-wide table while calls may take the fast path.
inline FastPathGate<CTable> fast_path_gate;

// Returns the table that `table` means if the call may take the fast path;
// nullptr if the call must go through `observed` (observed_calls.h), because
// diagnostics are on or the process-wide table does not exist yet. One load and
// one branch.
inline CTable* FastPathTable(haft_table* table) noexcept {
  if (table == nullptr) return fast_path_gate.TableOrNull();
  return fast_path_gate.IsSlowPathForced() ? nullptr
                                           : reinterpret_cast<CTable*>(table);
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_PROCESS_TABLE_H_
