// Status: why a call has refused a handle.

#ifndef HAFT_STATUS_H_
#define HAFT_STATUS_H_

#include "haft/internal/base/abi.h"

namespace haft {
inline namespace HAFT_ABI {

// The result of a call with a handle. The values are part of the ABI and are
// never renumbered.
enum class Status : int {
  kOk = 0,           // live: the table issued it, and it has not been deleted
  kNull = 1,         // the null handle
  kMalformed = 2,    // no table of this layout can issue such a word
  kNeverIssued = 3,  // well formed, but this table has not issued it: it is
                     // forged, another table's or another process's
  kStale = 4,        // this table issued it, and it has been deleted
  kWrongType = 5,    // live, and of another type
  kFull = 6,         // the table has no room for another handle
  kOutOfMemory = 7,  // there is no memory, or no room for a pin; the handle is
                     // good
  kPinned = 8,       // live and pinned, so it was not deleted
  kTimedOut = 9,     // deleted, and not destroyed yet: it is pinned, or a read
                     // scope that may have found it is still open
  kInvalid = 10,     // invalid argument (other than the handle): null or zero;
                     // or the handle was never interned
  kDeferred = 11,    // deleted, and destroyed when the innermost destructor
                     // that is running in this thread returns
  kScoped = 12,      // live and not pinned, but a read scope may have found it,
                     // so it was not deleted
};

// Returns a static string such as "stale", or "unknown" for a value that is no
// Status.
constexpr const char* StatusName(Status status) noexcept {
  switch (status) {
    case Status::kOk:
      return "ok";
    case Status::kNull:
      return "null";
    case Status::kMalformed:
      return "malformed";
    case Status::kNeverIssued:
      return "never issued here";
    case Status::kStale:
      return "stale";
    case Status::kWrongType:
      return "of another type";
    case Status::kFull:
      return "full";
    case Status::kOutOfMemory:
      return "out of memory";
    case Status::kPinned:
      return "pinned";
    case Status::kTimedOut:
      return "timed out";
    case Status::kInvalid:
      return "invalid argument";
    case Status::kDeferred:
      return "deleted, and destroyed later by this thread";
    case Status::kScoped:
      return "possibly found by a read scope";
  }
  return "unknown";
}

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_STATUS_H_
