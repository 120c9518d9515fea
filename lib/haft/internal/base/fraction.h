// Fractions as 64-bit words.

#ifndef HAFT_INTERNAL_BASE_FRACTION_H_
#define HAFT_INTERNAL_BASE_FRACTION_H_

#include <cstdint>
#include <limits>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Returns `whole` times `fraction` / 2^64, rounded down: less than `whole`,
// unless that is 0.
constexpr Word PartOf(Word whole, std::uint64_t fraction) noexcept {
  if constexpr (std::numeric_limits<Word>::digits == 64) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<Word>(Wide{whole} * fraction >> 64);
  } else {
    return static_cast<Word>(std::uint64_t{whole} * (fraction >> 32) >> 32);
  }
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_FRACTION_H_
