#include "haft/internal/process/process_table.h"

#include <algorithm>

#include "haft/internal/base/lazy_instance.h"
#include "haft/internal/diagnostics/diagnostics.h"
#include "haft/internal/diagnostics/table_history.h"
#include "haft/internal/process/environment_options.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// Constant-initialised and never destroyed, because threads and signal handlers
// use it until the process ends.
LazyInstance<CTable> process_table;

// Makes the process-wide table for as many live handles as are asked for or, if
// the address space has no room for that, for a half, a quarter and so on.
std::unique_ptr<CTable> CreateProcessTable() noexcept {
  constexpr std::size_t kDefault = std::size_t{1} << 22;
  constexpr std::size_t kLeast = std::size_t{1} << 12;
  const std::size_t asked = ReadEnvironment().capacity;
  std::size_t capacity =
      std::min(asked != 0 ? asked : kDefault, AnyTable::kMaxCapacity);
  std::unique_ptr<CTable> table = CTable::Create(capacity);
  while (table == nullptr && capacity > kLeast) {
    capacity = std::max(capacity / 2, kLeast);
    table = CTable::Create(capacity);
  }
  return table;
}

}  // namespace

CTable::CTable(std::size_t capacity) noexcept
    : AnyTable(capacity, Unchecked{}) {}

CTable::~CTable() {
  EndLoansOf(*this);
  // Deletions by destructors are recorded as long as there is a history.
  while (history_ != nullptr && Clear() != 0) {
  }
}

std::unique_ptr<CTable> CTable::Create(std::size_t capacity) noexcept {
  std::unique_ptr<CTable> table(new (kNoThrow) CTable(capacity));
  if (table == nullptr || !table->ok()) return nullptr;
  if (DiagnosticFlags() != 0) {
    fast_path_gate.ForceSlowPath();
    table->history_ = TableHistory::Create(table->slots());
    if (table->history_ == nullptr) return nullptr;
  }
  return table;
}

CTable* TableOf(haft_table* table) noexcept {
  if (table != nullptr) return reinterpret_cast<CTable*>(table);
  if (CTable* const open = fast_path_gate.TableOrNull()) return open;
  CTable* const created = process_table.Get(&CreateProcessTable);
  if (created != nullptr) fast_path_gate.Open(created);
  return created;
}

CTable* ProcessTableOrNull() noexcept {
  return process_table.Get([] { return std::unique_ptr<CTable>(); });
}

}  // namespace HAFT_ABI
}  // namespace haft::internal
