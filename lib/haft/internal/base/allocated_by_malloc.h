// Memory from malloc for what the C ABI allocates.

#ifndef HAFT_INTERNAL_BASE_ALLOCATED_BY_MALLOC_H_
#define HAFT_INTERNAL_BASE_ALLOCATED_BY_MALLOC_H_

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// As std::nothrow, which is a variable in the C++ library.
inline constexpr std::nothrow_t kNoThrow{};

// The base of a class whose objects `new (kNoThrow)` takes from malloc and
// `delete` gives back to free. The global operators are no good for C: the one
// of libstdc++ that does not throw calls the one that does and catches its
// exception, and if there is no memory for the exception, the process ends. No
// other form of new compiles.
struct AllocatedByMalloc {
  static void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return std::malloc(size);
  }
  static void* operator new(std::size_t size, std::align_val_t alignment,
                            const std::nothrow_t&) noexcept {
    return std::aligned_alloc(static_cast<std::size_t>(alignment), size);
  }
  static void operator delete(void* memory) noexcept { std::free(memory); }
};

// An array that is all zero bytes at first, from calloc.
struct CallFree {
  void operator()(void* memory) const noexcept { std::free(memory); }
};
template <typename T>
using ZeroedArray = std::unique_ptr<T[], CallFree>;

// Returns a null pointer if there is no memory.
template <typename T>
ZeroedArray<T> NewZeroedArray(std::size_t size) noexcept {
  static_assert(std::is_trivial_v<T>);
  return ZeroedArray<T>(static_cast<T*>(std::calloc(size, sizeof(T))));
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_ALLOCATED_BY_MALLOC_H_
