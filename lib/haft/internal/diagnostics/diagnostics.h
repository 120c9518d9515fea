// The process-wide choice of diagnostics.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_DIAGNOSTICS_H_
#define HAFT_INTERNAL_DIAGNOSTICS_DIAGNOSTICS_H_

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Decides, once for the process, which diagnostics are on: `flags`, a union of
// HAFT_DIAGNOSE_..., and those that the environment asks for. If any is on, all
// calls take the slow path from then on.
//   Returns   false if an earlier call has decided already; nothing has then
//             changed
bool InitializeOnce(unsigned flags) noexcept;

// Returns the flags that are on. If nothing has been decided, the environment
// alone decides now.
unsigned DiagnosticFlags() noexcept;

// As DiagnosticFlags, but decides nothing.
//   Returns   0 if nothing has been decided
unsigned DiagnosticFlagsIfInitialized() noexcept;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_DIAGNOSTICS_H_
