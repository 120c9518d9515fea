// Fractions as 64-bit words.

#ifndef HAFT_INTERNAL_BASE_FRACTION_H_
#define HAFT_INTERNAL_BASE_FRACTION_H_

#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Returns `whole` times `fraction` / 2^64, rounded down: less than `whole`,
// unless that is 0.
constexpr Word PartOf(Word whole, std::uint64_t fraction) noexcept {
  // It multiplies halves, because not every machine has 128-bit integers.
  constexpr std::uint64_t kLow = 0xffffffff;
  const std::uint64_t high = std::uint64_t{whole} >> 32, low = whole & kLow;
  const std::uint64_t f_high = fraction >> 32, f_low = fraction & kLow;
  const std::uint64_t middle = high * f_low + (low * f_low >> 32);
  const std::uint64_t carry = low * f_high + (middle & kLow);
  return static_cast<Word>(high * f_high + (middle >> 32) + (carry >> 32));
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_FRACTION_H_
