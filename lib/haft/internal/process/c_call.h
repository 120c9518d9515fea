// How the exported functions answer, and where they are called.

#ifndef HAFT_INTERNAL_PROCESS_C_CALL_H_
#define HAFT_INTERNAL_PROCESS_C_CALL_H_

#include "haft/haft.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/probes.h"
#include "haft/internal/diagnostics/source_location.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The C and C++ status values must match.
static_assert(HAFT_OK == static_cast<int>(Status::kOk));
static_assert(HAFT_NULL == static_cast<int>(Status::kNull));
static_assert(HAFT_MALFORMED == static_cast<int>(Status::kMalformed));
static_assert(HAFT_NEVER_ISSUED == static_cast<int>(Status::kNeverIssued));
static_assert(HAFT_STALE == static_cast<int>(Status::kStale));
static_assert(HAFT_WRONG_TYPE == static_cast<int>(Status::kWrongType));
static_assert(HAFT_FULL == static_cast<int>(Status::kFull));
static_assert(HAFT_OUT_OF_MEMORY == static_cast<int>(Status::kOutOfMemory));
static_assert(HAFT_PINNED == static_cast<int>(Status::kPinned));
static_assert(HAFT_TIMED_OUT == static_cast<int>(Status::kTimedOut));
static_assert(HAFT_INVALID == static_cast<int>(Status::kInvalid));
static_assert(HAFT_DEFERRED == static_cast<int>(Status::kDeferred));
// kScoped has no partner, because an AnyTable has no read scopes.

inline haft_status ToC(Status status) noexcept {
  return static_cast<haft_status>(status);
}

// Fires the probe `refused`. `caller` is the address that the call of Haft
// returns to, as for all probes.
//   Returns   `status`, which must not be kOk
[[gnu::cold, gnu::noinline]] inline haft_status Refused(
    haft_handle handle, Status status, const void* caller) noexcept {
  HAFT_PROBE3(refused, handle, static_cast<int>(status), caller);
  return ToC(status);
}

// Returns `status`, after it has fired the probe `refused` if that is not kOk.
// For exported functions and what is inlined into them or tail-called by them,
// as all of the following. The return address is asked for in the cold branch,
// because the hot one would have to keep it in a register.
[[gnu::always_inline]] inline haft_status OkOrRefused(haft_handle handle,
                                                      Status status) noexcept {
  return __builtin_expect(status == Status::kOk, 1)
             ? HAFT_OK
             : Refused(handle, status, __builtin_return_address(0));
}

// Returns `status`, after it has fired the probe `delete` or `refused`. The
// probe stands here and not where the handle ends, because compilers take a
// probe for much code and do not inline a function with one.
[[gnu::always_inline]] inline haft_status DeletedOrRefused(
    haft_handle handle, Status status) noexcept {
  if (__builtin_expect(status != Status::kOk, 0))
    return Refused(handle, status, __builtin_return_address(0));
  HAFT_PROBE2(delete, handle, __builtin_return_address(0));
  return HAFT_OK;
}

// Returns the location of the call of the function that this is inlined into.
[[gnu::always_inline]] inline SourceLocation CallerLocation() noexcept {
  return LocationOfReturn(__builtin_return_address(0));
}

// Two ways to ask for the location of a call, which is needed on the slow path
// only: as the call's address, and as a line that the caller has given.
struct AtCaller {
  [[gnu::always_inline]] SourceLocation operator()() const noexcept {
    return CallerLocation();
  }
};
struct AtLine {
  const char* file;
  unsigned line;
  SourceLocation operator()() const noexcept { return {file, line}; }
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_C_CALL_H_
