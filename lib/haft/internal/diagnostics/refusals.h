// Reports of handles that a call has refused.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_REFUSALS_H_
#define HAFT_INTERNAL_DIAGNOSTICS_REFUSALS_H_

#include <cstdint>

#include "haft/haft.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/diagnostics/source_location.h"
#include "haft/internal/process/process_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A call that has refused its handle, or haft_unpin its pin.
struct Refusal {
  const char* operation;   // the name of the C function
  haft_table* table_name;  // the table as the caller has named it
  CTable* table;           // nullptr if there is no memory for it
  haft_handle handle;
  const haft_type* type;    // nullptr if any type was acceptable
  SourceLocation location;  // of the call
  haft_status status;       // why; HAFT_INVALID for a pin that had ended
};

// Tells the listeners of the process about a refusal, each as often as its rate
// allows.
void ReportRefusal(const Refusal& refusal) noexcept;

// Writes all that is known about a refusal to stderr and aborts.
[[noreturn]] void FatalRefusal(const Refusal& refusal) noexcept;

// Has refusals reported to `callback` from now on, as
// haft_set_refusal_callback does; all calls then take the slow path.
//   Returns   HAFT_OK; HAFT_INVALID if there is a callback already;
//             HAFT_OUT_OF_MEMORY
haft_status SetRefusalCallback(haft_refusal callback, void* context,
                               std::uint32_t per_second) noexcept;

// Has refusals written to stderr from now on, `per_second` in each second at
// most; all calls then take the slow path. It is called once in a process.
void LogRefusals(std::uint32_t per_second) noexcept;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_REFUSALS_H_
