// Why a handle was refused.

#ifndef HAFT_STATUS_H_
#define HAFT_STATUS_H_

#include "haft/internal/base/abi.h"

namespace haft {
inline namespace HAFT_ABI {

// What a table says of a word. The values are part of the ABI: they are never
// renumbered.
enum class Status : int {
  kOk = 0,           // live: the table issued it and nobody has deleted it
  kNull = 1,         // the null handle
  kMalformed = 2,    // no table of this layout can issue such a word
  kNeverIssued = 3,  // well formed, but this table has not issued it: forged,
                     // another table's, another process's
  kStale = 4,        // this table issued it and it has been deleted
  kWrongType = 5,    // live, and of another type
  kFull = 6,         // the table has no room for another handle
  kOutOfMemory = 7,  // nothing is wrong with the handle; there is no room
  kPinned = 8,       // live, and in use: not deleted
  kTimedOut = 9,     // deleted, and still in use
  kInvalid = 10,     // an argument that is no handle is null or 0; or a handle
                     // was not interned
};

// A static string such as "stale"; "unknown" for a value that is no Status.
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
  }
  return "unknown";
}

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_STATUS_H_
