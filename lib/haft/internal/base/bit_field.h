// A bit field of a word: its width is given once; shift, mask and maximum are
// derived from it.

#ifndef HAFT_INTERNAL_BASE_BIT_FIELD_H_
#define HAFT_INTERNAL_BASE_BIT_FIELD_H_

#include <limits>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// `kWidthV` bits of a word, starting at bit `kShiftV`.
template <unsigned kShiftV, unsigned kWidthV>
struct BitField {
  static_assert(kWidthV >= 1 &&
                kShiftV + kWidthV <= std::numeric_limits<Word>::digits);

  static constexpr unsigned kShift = kShiftV;
  static constexpr unsigned kWidth = kWidthV;
  static constexpr unsigned kEnd = kShift + kWidth;
  static constexpr Word kMax = ~Word{0} >>
                               (std::numeric_limits<Word>::digits - kWidth);
  static constexpr Word kMask = kMax << kShift;
  static constexpr Word kOne = Word{1} << kShift;

  static constexpr Word Decode(Word word) noexcept {
    return (word & kMask) >> kShift;
  }
  static constexpr Word Encode(Word value) noexcept {
    return (value << kShift) & kMask;
  }
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_BIT_FIELD_H_
