// Slow-path versions of the C calls, used while diagnostics are enabled.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_OBSERVED_CALLS_H_
#define HAFT_INTERNAL_DIAGNOSTICS_OBSERVED_CALLS_H_

#include <cstdint>

#include "haft/haft.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/diagnostics/source_location.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/process_table.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Each does what the C function of its name does, also for the first call of
// the process, and records and reports what diagnostics ask for. The location
// is that of the call in the program.
namespace observed {

[[gnu::cold]] haft_status New(haft_table*, void* object, const haft_type*,
                              haft_handle*, SourceLocation) noexcept;
[[gnu::cold]] haft_status NewWith(haft_table*, void* object, const haft_type*,
                                  void (*destroy)(void*), void* context,
                                  haft_handle*, SourceLocation) noexcept;
[[gnu::cold]] haft_status Value(haft_table*, haft_handle, const haft_type*,
                                void** object, SourceLocation) noexcept;
[[gnu::cold]] haft_status PinObject(haft_table*, haft_handle, const haft_type*,
                                    haft_pin*, void** object,
                                    SourceLocation) noexcept;
[[gnu::cold]] haft_status Delete(haft_table*, haft_handle, const haft_type*,
                                 SourceLocation) noexcept;
[[gnu::cold]] haft_status DeleteUnlessPinned(haft_table*, haft_handle,
                                             const haft_type*,
                                             SourceLocation) noexcept;
[[gnu::cold]] haft_status DeleteAndWait(haft_table*, haft_handle,
                                        const haft_type*,
                                        std::uint64_t nanoseconds,
                                        SourceLocation) noexcept;
[[gnu::cold]] haft_status TakeOwned(haft_table*, haft_handle, const haft_type*,
                                    TakenObject*, SourceLocation) noexcept;

// The Must forms retry once on the slow path; if that also fails, they report
// and abort.
[[gnu::cold]] void* MustValue(haft_handle, const haft_type*,
                              SourceLocation) noexcept;
[[gnu::cold]] void MustDelete(haft_handle, const haft_type*,
                              SourceLocation) noexcept;

// Reports a haft_unpin of a pin that had ended before. Its table, unless it is
// the process's, may have been destroyed.
[[gnu::cold]] void ReportRefusedUnpin(const CTable* owner, haft_handle,
                                      SourceLocation) noexcept;

// Records that haft_intern has returned a handle.
[[gnu::cold]] void NoteInterned(CTable&, haft_handle, const haft_type*,
                                SourceLocation) noexcept;
// Records and reports that haft_release has come to a status.
//   Returns   that status
[[gnu::cold]] haft_status NoteReleased(haft_table*, haft_handle, Status,
                                       SourceLocation) noexcept;

}  // namespace observed

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_OBSERVED_CALLS_H_
