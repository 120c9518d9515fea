#include "haft/internal/base/bit_field.h"

#include <gtest/gtest.h>

#include <limits>

namespace haft::internal {
namespace {

constexpr int kWordBits = std::numeric_limits<Word>::digits;

TEST(BitFieldTest, EverythingFollowsFromShiftAndWidth) {
  using Field = BitField<3, 5>;
  static_assert(Field::kShift == 3 && Field::kWidth == 5 && Field::kEnd == 8);
  static_assert(Field::kMax == 31 && Field::kMask == 0xf8 && Field::kOne == 8);
  static_assert(Field::Encode(31) == 0xf8 && Field::Decode(0xf8) == 31);
}

TEST(BitFieldTest, NeitherWayLeaksIntoOtherBits) {
  using Field = BitField<3, 5>;
  static_assert(Field::Encode(32) == 0 && Field::Encode(33) == 8);
  static_assert(Field::Decode(~Word{0xf8}) == 0);
  static_assert(Field::Decode(~Word{0}) == 31);
}

TEST(BitFieldTest, MayEndAtTheTopBit) {
  using Top = BitField<kWordBits - 1, 1>;
  static_assert(Top::kMask == Word{1} << (kWordBits - 1) && Top::kMax == 1);
  using Whole = BitField<0, kWordBits>;
  static_assert(Whole::kMax == ~Word{0} && Whole::kMask == ~Word{0});
  static_assert(Whole::Decode(Whole::Encode(~Word{0})) == ~Word{0});
}

}  // namespace
}  // namespace haft::internal
