// Access to private members of tables.

#ifndef TESTS_SUPPORT_INSPECTOR_H_
#define TESTS_SUPPORT_INSPECTOR_H_

#include <cstdint>

#include "haft/handle.h"
#include "haft/handle_table.h"
#include "haft/internal/reclamation/pin_counts.h"
#include "haft/object_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {

class Inspector {
 public:
  template <typename T, typename Traits>
  static const auto& AllocatorOf(const HandleTable<T, Traits>& table) {
    return table.allocator_;
  }
  template <typename T, typename Traits>
  static const auto& AllocatorOf(const ObjectTable<T, Traits>& table) {
    return table.store_.allocator();
  }
  template <typename T, typename Traits>
  static auto& StoreOf(ObjectTable<T, Traits>& table) {
    return table.store_;
  }

  // Makes it look as if `count` pins of `handle` were counted.
  static void SetCount(PinCounts& counts, Word handle, std::uint32_t count) {
    PinCounts::Count& word = counts.counts_[counts.IndexOf(handle)];
    // relaxed, both: no other thread is inside a call.
    const std::uint64_t tag =
        word.load(std::memory_order_relaxed) / PinCounts::kOneTag;
    word.store(tag * PinCounts::kOneTag + count, std::memory_order_relaxed);
  }
  static void SetCount(HazardReclamation& reclamation, Word handle,
                       std::uint32_t count) {
    SetCount(reclamation.counts_, handle, count);
  }
  template <typename Table>
  static void SetCount(Table& table, Handle handle, std::uint32_t count) {
    SetCount(table.store_.reclamation().counts_, static_cast<Word>(handle),
             count);
  }

  // Calls f(handle) for the next handle of each free slot that was ever in use.
  // No thread may be inside a call.
  template <typename Table, typename F>
  static void ForEachFree(const Table& table, F&& f) {
    AllocatorOf(table).ForEachFree(f);
  }
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // TESTS_SUPPORT_INSPECTOR_H_
