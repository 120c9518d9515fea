// The scopes of haft.h.

#include <algorithm>
#include <cstddef>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/growing_array.h"
#include "haft/internal/diagnostics/observed_calls.h"
#include "haft/internal/process/c_call.h"
#include "haft/internal/process/process_table.h"
#include "haft/status.h"

namespace internal = haft::internal;

struct haft_scope : internal::AllocatedByMalloc {
  explicit haft_scope(haft_table* of) noexcept : table(of) {}
  haft_table* const table;
  internal::GrowingArray<haft_handle> handles;
};

extern "C" {

haft_status haft_scope_open(haft_table* table, haft_scope** scope) {
  if (scope == nullptr) return HAFT_INVALID;
  haft_scope* const opened = new (internal::kNoThrow) haft_scope(table);
  if (opened == nullptr) return HAFT_OUT_OF_MEMORY;
  *scope = opened;
  return HAFT_OK;
}

haft_status haft_scope_reserve(haft_scope* scope) {
  if (scope == nullptr) return HAFT_INVALID;
  return scope->handles.ReserveOne() ? HAFT_OK : HAFT_OUT_OF_MEMORY;
}

haft_status haft_scope_add(haft_scope* scope, haft_handle handle) {
  if (scope == nullptr) return HAFT_INVALID;
  return scope->handles.Append(handle) ? HAFT_OK : HAFT_OUT_OF_MEMORY;
}

haft_status haft_scope_escape(haft_scope* scope, haft_handle handle,
                              haft_scope* outer) {
  if (scope == nullptr) return HAFT_INVALID;
  internal::GrowingArray<haft_handle>& handles = scope->handles;
  haft_handle* const found = std::find(handles.begin(), handles.end(), handle);
  if (found == handles.end()) return HAFT_NEVER_ISSUED;
  if (outer == scope) return HAFT_OK;
  if (outer != nullptr && outer->table != scope->table) return HAFT_INVALID;
  if (outer != nullptr && !outer->handles.Append(handle))
    return HAFT_OUT_OF_MEMORY;
  handles.Erase(found);
  return HAFT_OK;
}

size_t haft_scope_close(haft_scope* scope) {
  if (scope == nullptr) return 0;
  size_t deleted = 0;
  // Takes the last handle again and again, because destructors may add more.
  while (!scope->handles.empty()) {
    const haft_handle handle = scope->handles.TakeLast();
    // A handle that has been deleted before is skipped, not refused.
    internal::CTable* const table = internal::TableOf(scope->table);
    if (table == nullptr ||
        table->Check(haft::Handle(handle)) != haft::Status::kOk)
      continue;
    const haft_status status =
        internal::fast_path_gate.IsSlowPathForced()
            ? internal::observed::Delete(scope->table, handle, nullptr,
                                         internal::CallerLocation())
            : haft_table_delete(scope->table, handle, nullptr);
    deleted += status == HAFT_OK;
  }
  delete scope;
  return deleted;
}

}  // extern "C"
