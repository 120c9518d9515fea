// What AddressSanitizer and LeakSanitizer are told of memory they cannot know:
// that of tables is mapped, not allocated. Without them it is nothing.

#ifndef HAFT_INTERNAL_BASE_SANITIZER_H_
#define HAFT_INTERNAL_BASE_SANITIZER_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"

#ifdef HAFT_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

// Of LeakSanitizer, if the process has it: also where this code has not been
// built with it.
extern "C" {
[[gnu::weak]] void __lsan_register_root_region(const void* begin,
                                               std::size_t size);
[[gnu::weak]] void __lsan_unregister_root_region(const void* begin,
                                                 std::size_t size);
}

namespace haft::internal {
inline namespace HAFT_ABI {

// Whether this code is built with AddressSanitizer. All that instantiates the
// same table must be built alike.
#ifdef HAFT_ADDRESS_SANITIZER
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

// Any use of [begin, end) is reported from now on. What shares its last 8 bytes
// with `end` stays usable.
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

// What only [begin, begin + size) points to is not leaked, poisoned words
// apart. A check for leaks reads all of it, also what nobody has touched.
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
