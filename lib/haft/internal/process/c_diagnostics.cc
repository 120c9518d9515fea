// The diagnostics of haft.h.

#include <cstddef>
#include <cstdint>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/diagnostics/describe.h"
#include "haft/internal/diagnostics/diagnostics.h"
#include "haft/internal/diagnostics/leak_report.h"
#include "haft/internal/diagnostics/refusals.h"
#include "haft/internal/process/process_table.h"

namespace internal = haft::internal;

extern "C" {

haft_status haft_diagnose(unsigned flags) {
  constexpr unsigned kAll = HAFT_DIAGNOSE_SITES | HAFT_DIAGNOSE_LEAKS;
  if ((flags & ~kAll) != 0) return HAFT_INVALID;
  return internal::InitializeOnce(flags) ? HAFT_OK : HAFT_INVALID;
}

haft_status haft_set_refusal_callback(haft_refusal callback, void* context,
                                      uint32_t per_second) {
  if (callback == nullptr) return HAFT_INVALID;
  return internal::SetRefusalCallback(callback, context, per_second);
}

size_t haft_table_describe(haft_table* name, haft_handle handle, char* buffer,
                           size_t size) {
  internal::CTable* const table = internal::TableOf(name);
  return table == nullptr
             ? 0
             : internal::Describe(*table, haft::Handle(handle), buffer, size);
}
size_t haft_describe(haft_handle handle, char* buffer, size_t size) {
  return haft_table_describe(nullptr, handle, buffer, size);
}

size_t haft_table_report(haft_table* name, size_t most,
                         void (*line)(void*, const char*), void* context) {
  internal::CTable* const table = internal::TableOf(name);
  if (table == nullptr || line == nullptr) return 0;
  return internal::ReportLive(*table, most, line, context);
}

}  // extern "C"
