// The figures that a table keeps of itself.

#ifndef HAFT_TABLE_STATS_H_
#define HAFT_TABLE_STATS_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"

namespace haft {
inline namespace HAFT_ABI {

// Exact if no other thread is inside a call. Otherwise each figure is a little
// old, and these hold all the same: deleted <= created, and live <= high_water.
struct TableStats {
  std::size_t live;             // handles issued and not deleted
  std::uint64_t created;        // handles ever issued
  std::uint64_t deleted;        // handles ever deleted
  std::size_t exhausted_slots;  // slots that have used up their generations
  std::size_t high_water;       // slots ever taken into use, free ones included
  std::size_t
      capacity;  // handles that can always be live, less exhausted slots
  std::size_t lost_caches;  // thread caches that a fork has left half written,
                            // so that no thread uses them any more
};

// The figures that an ObjectTable keeps as well.
struct ObjectTableStats : TableStats {
  std::size_t retired_objects;  // objects deleted and not yet destroyed
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_TABLE_STATS_H_
