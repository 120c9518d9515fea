// The functions of haft.h about whole tables.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/c_call.h"
#include "haft/internal/process/fast_path_gate.h"
#include "haft/internal/process/process_table.h"
#include "haft/table_stats.h"
#include "haft/view.h"

using haft::internal::AnyObject;
using haft::internal::AnyTable;
using haft::internal::CollectInterned;
using haft::internal::CTable;
using haft::internal::fast_path_gate;
using haft::internal::FastPathGate;
using haft::internal::LoanSums;
using haft::internal::ProcessTableOrNull;
using haft::internal::refused_unpins;
using haft::internal::SumsOfLoans;
using haft::internal::TableOf;
using haft::internal::ToC;

extern "C" {

haft_status haft_table_create(size_t capacity, haft_table** table) {
  if (table == nullptr || capacity == 0) return HAFT_INVALID;
  if (capacity > AnyTable::kMaxCapacity) return HAFT_FULL;
  std::unique_ptr<CTable> created = CTable::Create(capacity);
  if (created == nullptr) return HAFT_OUT_OF_MEMORY;
  *table = reinterpret_cast<haft_table*>(created.release());
  return HAFT_OK;
}

void haft_table_destroy(haft_table* table) {
  delete reinterpret_cast<CTable*>(table);
}

int haft_table_for_each(haft_table* name,
                        int (*visit)(void*, haft_handle, const haft_type*,
                                     void*),
                        void* context) {
  CTable* const table = TableOf(name);
  if (table == nullptr || visit == nullptr) return 0;
  int result = 0;
  table->ForEach([&](haft::Handle handle, const AnyObject& object) {
    result = visit(context, static_cast<haft_handle>(handle), object.type(),
                   object.object());
    return result != 0;
  });
  return result;
}

haft_status haft_table_stats(haft_table* name, haft_stats* stats) {
  if (stats == nullptr) return HAFT_INVALID;
  const CTable* const table = TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  const haft::ObjectTableStats figures = table->Stats();
  // The table counts the handles in loans as live, although none of them is.
  const LoanSums lent = SumsOfLoans(*table);
  const std::uint64_t created =
      figures.created - std::min(figures.created, lent.ready);
  const std::uint64_t deleted = std::min(created, figures.deleted + lent.ended);
  *stats = {std::min<std::uint64_t>(created - deleted, figures.high_water),
            figures.retired_objects, created, deleted, figures.exhausted_slots,
            figures.high_water, figures.capacity, figures.lost_caches,
            // relaxed: a count.
            refused_unpins.load(std::memory_order_relaxed)};
  return HAFT_OK;
}

haft_status haft_table_view(haft_table* name, unsigned abi, haft_view* view) {
  if (view == nullptr || abi != HAFT_VIEW_ABI) return HAFT_INVALID;
  CTable* const table = TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  static_assert(FastPathGate<CTable>::kForced == HAFT_VIEW_WATCHED);
  *view = table->View(name, fast_path_gate.word());
  return HAFT_OK;
}

haft_status haft_table_prepare(haft_table* name, size_t expected) {
  CTable* const table = TableOf(name);
  return table == nullptr ? HAFT_OUT_OF_MEMORY : ToC(table->Prepare(expected));
}

haft_status haft_prepare(size_t expected) {
  return haft_table_prepare(nullptr, expected);
}

size_t haft_table_trim(haft_table* name) {
  CTable* const table = TableOf(name);
  return table == nullptr ? 0 : table->Trim();
}

size_t haft_trim(void) {
  CollectInterned();
  CTable* const table = ProcessTableOrNull();
  return table == nullptr ? 0 : table->Trim();
}

}  // extern "C"
