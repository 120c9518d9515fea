// The handle layout: the division of a handle's bits into fields. Each field's
// width is given once; shift, mask and maximum are derived from it.

#ifndef HAFT_HANDLE_LAYOUT_H_
#define HAFT_HANDLE_LAYOUT_H_

#include <cstddef>
#include <limits>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/bit_field.h"
#include "haft/internal/base/fraction.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// How many bits the address of an object has at most, in the user's half of the
// address space that systems give a process unless it asks for more.
#if UINTPTR_MAX <= 0xffffffffu
inline constexpr unsigned kAddressBits = 32;
#elif defined(__aarch64__)
inline constexpr unsigned kAddressBits = 48;
#else
inline constexpr unsigned kAddressBits = 47;
#endif

// Returns how many bits of generation go into a word beside the address of an
// object that is so aligned: those that the address leaves, but not more than a
// handle has for them, or than fit twice into a word. At least 1.
constexpr unsigned CompactGenerationBits(std::size_t alignment,
                                         unsigned index_bits) noexcept {
  constexpr unsigned kBits = std::numeric_limits<Word>::digits;
  unsigned bits = kBits - kAddressBits;
  for (; alignment > 1; alignment /= 2) ++bits;
  const unsigned fixed = kBits == 64 ? 3 : 1;
  if (bits > kBits - fixed - index_bits) bits = kBits - fixed - index_bits;
  if (bits > (kBits - 1) / 2) bits = (kBits - 1) / 2;
  return bits == 0 ? 1 : bits;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

namespace haft {
inline namespace HAFT_ABI {

//   [ marker | generation : G | index : K | 1 ]
//
// The lowest bit is set in every handle, so no handle is an aligned pointer.
// The generation is at least 1, so no handle is a small integer. `kMarkerV`
// holds the bits above the generation that are set in every handle.
template <unsigned kIndexBits, unsigned kGenerationBits, Word kMarkerV = 0>
struct HandleLayout {
  using Low = internal::BitField<0, 1>;
  using Index = internal::BitField<Low::kEnd, kIndexBits>;
  using Generation = internal::BitField<Index::kEnd, kGenerationBits>;

  static_assert(kIndexBits <= 30,
                "slot numbers plus one must fit 31 bits of a free list's head");
  static_assert((kMarkerV & (Low::kMask | Index::kMask | Generation::kMask)) ==
                    0,
                "the marker overlaps a field");

  // The bits that are set in every handle of this layout, and the bits that may
  // differ.
  static constexpr Word kFixed = kMarkerV | Low::kOne;
  static constexpr Word kVariable = Index::kMask | Generation::kMask;
  static constexpr Word kSlots = Index::kMax + 1;

  static constexpr Word Make(Word generation, Word index) noexcept {
    return kFixed | Generation::Encode(generation) | Index::Encode(index);
  }
  // Returns the first handle of slot 0 in a table. Generations start in the
  // lower half of their range, at the part `fraction` / 2^64 of it, so that a
  // table refuses the handles of another.
  static constexpr Word FirstHandle(std::uint64_t fraction) noexcept {
    return Make(1 + internal::PartOf(Generation::kMax / 2, fraction), 0);
  }
  // Whether a table of this layout can issue `word`.
  static constexpr bool IsWellFormed(Word word) noexcept {
    return (word & ~kVariable) == kFixed && Generation::Decode(word) != 0;
  }
};

// A 64-bit word whose bits 63..62 are 01: it is positive as a signed integer,
// and never a canonical user-space address.
//   [ 0 | 1 | generation : 61-K | index : K | 1 ]
template <unsigned kIndexBits = 26>
using Layout64 =
    HandleLayout<kIndexBits, 61 - kIndexBits,
                 Word{1} << (std::numeric_limits<Word>::digits - 2)>;

// Fits 53 bits, so a JavaScript number or any other double represents it
// exactly.
//   [ generation : 52-K | index : K | 1 ]
template <unsigned kIndexBits = 26>
using Layout53 = HandleLayout<kIndexBits, 52 - kIndexBits>;

// Fits 32 bits, for 32-bit targets and for code that carries a handle as a
// 32-bit integer.
//   [ generation : 31-K | index : K | 1 ]
template <unsigned kIndexBits = 16>
using Layout32 = HandleLayout<kIndexBits, 31 - kIndexBits>;

// For a compact table of pointers to objects that are aligned at `kAlignment`:
// as many generations as fit into a word beside such a pointer. On x86-64 these
// are 17 bits, and one more for each time that the alignment doubles. If words
// have 64 bits, the fixed bits are those of Layout64.
//   [ 0 | 1 | 0... | generation : 17 + log2(kAlignment) | index : K | 1 ]
template <std::size_t kAlignment,
          unsigned kIndexBits =
              std::numeric_limits<Word>::digits == 64 ? 26 : 16>
using CompactLayout =
    HandleLayout<kIndexBits,
                 internal::CompactGenerationBits(kAlignment, kIndexBits),
                 std::numeric_limits<Word>::digits == 64
                     ? Word{1} << (std::numeric_limits<Word>::digits - 2)
                     : 0>;

// The layout of DefaultTraits: Layout64 if a word has 64 bits, else Layout32.
#if UINTPTR_MAX > 0xffffffffu
using DefaultLayout = Layout64<>;
#else
using DefaultLayout = Layout32<>;
#endif

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_HANDLE_LAYOUT_H_
