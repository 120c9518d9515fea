// The library's side of a loan: how handles get into it and out of it. view.h
// tells the borrower's side.

#ifndef HAFT_INTERNAL_PROCESS_LOAN_H_
#define HAFT_INTERNAL_PROCESS_LOAN_H_

#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/status.h"
#include "haft/view.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Read a count of a loan, which the borrower may be changing, and write one in
// place of the borrower. relaxed, both: other threads only add the counts up.
inline std::uint32_t ReadCount(const std::uint32_t& count) noexcept {
  return __atomic_load_n(&count, __ATOMIC_RELAXED);
}
inline void WriteCount(std::uint32_t& count, std::uint32_t value) noexcept {
  __atomic_store_n(&count, value, __ATOMIC_RELAXED);
}

// A loan with a copy of its ready handles, by which those that a borrower
// has written itself are found.
struct CheckedLoan : haft_loan {
  haft_handle lent[HAFT_LOAN_HANDLES];
};

// Whether the counts of a loan can be true.
inline bool IsIntact(const haft_loan& loan) noexcept {
  return ReadCount(loan.ready_count) <= HAFT_LOAN_HANDLES &&
         ReadCount(loan.ended_count) <= HAFT_LOAN_HANDLES;
}

// Puts ready handles into a loan that has none: `most`, or as many as there
// are. The one that was freed last is on top.
template <typename Table>
void FillLoan(Table& table, CheckedLoan& loan, std::uint32_t most) noexcept {
  haft_handle fetched[HAFT_LOAN_HANDLES];
  std::uint32_t count = 0;
  for (; count < most; ++count) {
    fetched[count] = table.Lend(loan.type);
    if (fetched[count] == 0) break;
  }
  for (std::uint32_t i = 0; i < count; ++i)
    loan.ready[i] = loan.lent[i] = fetched[count - 1 - i];
  WriteCount(loan.ready_count, count);
}

// Disposes of the ended handles of a loan. A `destroy` may end others by it
// meanwhile, and they follow.
//   Returns   false if one of them was not an ended handle; it is left out
template <typename Table>
bool DisposeOfEnded(Table& table, CheckedLoan& loan) noexcept {
  bool are_valid = true;
  while (const std::uint32_t count = ReadCount(loan.ended_count)) {
    const Word handle = loan.ended[count - 1];
    WriteCount(loan.ended_count, count - 1);
    are_valid &= table.DisposeOfEnded(handle);
  }
  return are_valid;
}

// Does what haft_settle says, and fetches `most` handles.
template <typename Table>
Status SettleLoan(Table& table, CheckedLoan& loan,
                  std::uint32_t most) noexcept {
  if (!IsIntact(loan)) return Status::kInvalid;
  const bool are_valid = DisposeOfEnded(table, loan);
  if (ReadCount(loan.ready_count) == 0) FillLoan(table, loan, most);
  if (!are_valid) return Status::kInvalid;
  return ReadCount(loan.ready_count) == 0 ? Status::kFull : Status::kOk;
}

// Gives everything back that is in a loan, and leaves out a handle that is not
// as it must be.
template <typename Table>
void EmptyLoan(Table& table, CheckedLoan& loan) noexcept {
  if (!IsIntact(loan)) return;
  (void)DisposeOfEnded(table, loan);
  while (const std::uint32_t count = ReadCount(loan.ready_count)) {
    const Word handle = loan.ready[count - 1];
    WriteCount(loan.ready_count, count - 1);
    if (handle == loan.lent[count - 1]) table.TakeBack(handle);
  }
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_LOAN_H_
