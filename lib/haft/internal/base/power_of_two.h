// Rounding up to a power of two, because a mask can confine an index to such a
// size.

#ifndef HAFT_INTERNAL_BASE_POWER_OF_TWO_H_
#define HAFT_INTERNAL_BASE_POWER_OF_TWO_H_

#include <cstddef>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Returns the smallest power of two that is at least `n`, for `n` up to the
// largest power of two.
constexpr std::size_t CeilPowerOfTwo(std::size_t n) noexcept {
  std::size_t power = 1;
  while (power < n) power *= 2;
  return power;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_POWER_OF_TWO_H_
