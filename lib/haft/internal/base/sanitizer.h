// Tells AddressSanitizer and LeakSanitizer about the memory of tables, which
// they do not know because it is mapped and not allocated. In a build without
// them these functions do nothing.

#ifndef HAFT_INTERNAL_BASE_SANITIZER_H_
#define HAFT_INTERNAL_BASE_SANITIZER_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"

#ifdef HAFT_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

// Functions of LeakSanitizer: weak, because the process may have it even if
// this code was built without it.
extern "C" {
[[gnu::weak]] void __lsan_register_root_region(const void* begin,
                                               std::size_t size);
[[gnu::weak]] void __lsan_unregister_root_region(const void* begin,
                                                 std::size_t size);
}

namespace haft::internal {
inline namespace HAFT_ABI {

// Whether this code is built with AddressSanitizer. All code that instantiates
// the same table must be built in the same way.
#ifdef HAFT_ADDRESS_SANITIZER
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

// Makes AddressSanitizer report any use of [begin, end) from now on. The last 8
// bytes stay usable if they also contain bytes from `end` on.
inline void Poison([[maybe_unused]] void* begin,
                   [[maybe_unused]] void* end) noexcept {
#ifdef HAFT_ADDRESS_SANITIZER
  const auto last = reinterpret_cast<std::uintptr_t>(end) & ~std::uintptr_t{7};
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  if (first < last) __asan_poison_memory_region(begin, last - first);
#endif
}
inline void Unpoison([[maybe_unused]] void* begin,
                     [[maybe_unused]] std::size_t size) noexcept {
#ifdef HAFT_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(begin, size);
#endif
}

// Objects to which only [begin, begin + size) points are not reported as
// leaked, unless the pointer is in a poisoned word. A check for leaks reads the
// whole range, also pages that were never touched.
inline void AddRoots(const void* begin, std::size_t size) noexcept {
  if (&__lsan_register_root_region != nullptr)
    __lsan_register_root_region(begin, size);
}
inline void RemoveRoots(const void* begin, std::size_t size) noexcept {
  if (&__lsan_unregister_root_region != nullptr)
    __lsan_unregister_root_region(begin, size);
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_SANITIZER_H_
