// What a user of a table may choose.

#ifndef HAFT_TRAITS_H_
#define HAFT_TRAITS_H_

#include "haft/handle_layout.h"
#include "haft/hazard_reclamation.h"
#include "haft/internal/base/abi.h"
#include "haft/magazine_free_list.h"

namespace haft {
inline namespace HAFT_ABI {

// What becomes of a slot whose last generation has been deleted.
enum class Exhaustion {
  // Never used again: a stale handle is refused for ever, at the price of one
  // slot.
  kDropSlot,
  // Starts over at generation 1: a handle kept through a full cycle may be
  // accepted again, and a Value that takes one may return parts of two values.
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

  // How an ObjectTable keeps deleted objects that are still in use:
  // HazardReclamation, CountedReclamation or CdsReclamation.
  using Reclamation = HazardReclamation;

  // What becomes of a slot whose last generation has been deleted.
  static constexpr Exhaustion kExhaustion = Exhaustion::kDropSlot;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_TRAITS_H_
