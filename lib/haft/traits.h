// The options of a table: handle layout, free list, reclamation, exhaustion.

#ifndef HAFT_TRAITS_H_
#define HAFT_TRAITS_H_

#include <cstddef>

#include "haft/handle_layout.h"
#include "haft/hazard_reclamation.h"
#include "haft/internal/base/abi.h"
#include "haft/magazine_free_list.h"

namespace haft {
inline namespace HAFT_ABI {

// The treatment of a slot whose last generation has been deleted.
enum class Exhaustion {
  // It never uses the slot again: a stale handle is refused permanently, at the
  // price of one slot.
  kDropSlot,
  // The slot rests until no other one is free, and then starts over at
  // generation 1; the slot that has rested longest comes first. A stale handle
  // that is kept until it is issued again is then accepted, and a Value that
  // takes it may return parts of two values.
  //
  // Before a handle is issued again, (N - 2C - 1) * G / 2 others have been, and
  // G - 1 in any case. N is the number of slots, and G that of a slot's
  // generations; C is the most slots that were in circulation at one time:
  // taken before, and not resting. (A child of fork skips generations: up to a
  // quarter, and one, of those that a free slot has left. These do not count as
  // issued.)
  kWrap,
};

// Derive from it and redeclare what differs:
//
//   struct JavaScriptTraits : haft::DefaultTraits {
//     using Layout = haft::Layout53<>;
//   };
struct DefaultTraits {
  // How a handle's bits are divided, and so how many slots and generations
  // there can be.
  using Layout = DefaultLayout;

  // Where handles of free slots wait: MagazineFreeList, StripedFreeList,
  // GlobalFreeList or CdsFreeList.
  using FreeList = MagazineFreeList;

  // How an ObjectTable tells whether a deleted object is still in use:
  // HazardReclamation, which states what one must offer, or CountedReclamation.
  using Reclamation = HazardReclamation;

  // The treatment of a slot whose last generation has been deleted.
  static constexpr Exhaustion kExhaustion = Exhaustion::kDropSlot;

  // For a HandleTable of pointers: other than 0, it makes the table compact. A
  // slot is then one word, which holds the generation beside the pointer: half
  // the memory, and Value is one load. The pointers must be multiples of this
  // power of two; New refuses others (HandleTable::Fits). The layout must not
  // have more bits of generation than that leaves: see CompactTraits.
  static constexpr std::size_t kCompactAlignment = 0;
};

// The traits of a compact HandleTable of pointers to objects that are aligned
// at `kAlignment`, with as many generations as there is room for:
//
//   haft::HandleTable<Widget*, haft::CompactTraits<alignof(Widget)>> table(n);
//
// These are far fewer than in the default layout, so a slot is exhausted
// sooner, and a forged handle or one of another table is accepted more easily.
// docs/compact_tables.md says when, and how easily.
template <std::size_t kAlignment>
struct CompactTraits : DefaultTraits {
  using Layout = CompactLayout<kAlignment>;
  static constexpr std::size_t kCompactAlignment = kAlignment;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_TRAITS_H_
