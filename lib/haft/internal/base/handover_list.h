// A list by which threads and signal handlers leave work to the holder of a
// lock.

#ifndef HAFT_INTERNAL_BASE_HANDOVER_LIST_H_
#define HAFT_INTERNAL_BASE_HANDOVER_LIST_H_

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// An intrusive list to which any thread pushes elements, and which is only ever
// taken as a whole. A push that finds the element at the top that it has seen
// there before is right to put its own above it, so the list needs no tags.
// Constant-initialised.
template <typename T, sync::Plain<T*> T::*kNext>
class HandoverList {
 public:
  constexpr HandoverList() noexcept = default;

  // Leaves `element`, which must not be in a list, to the next TakeAll.
  //   Progress  lock-free; async-signal-safe
  void Push(T* element) noexcept {
    // relaxed: the CAS decides; the pusher reads nothing of the top.
    T* top = top_.load(std::memory_order_relaxed);
    do {
      (element->*kNext).Write(top);
      // [L1] release: what this thread did with the element, its link included,
      // happens before what is done after TakeAll; partner of [L2]. It
      // continues the release sequences of the elements below.
    } while (!top_.compare_exchange_weak(
        top, element, std::memory_order_release, std::memory_order_relaxed));
  }

  // Empties the list.
  //   Returns   the last of its elements, which Next follows to the first one;
  //             nullptr if it was empty
  //   Progress  wait-free
  T* TakeAll() noexcept {
    // relaxed: a hint, which saves a write if there is nothing to take.
    if (top_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    // [L2] acquire: partner of [L1], for all elements.
    return top_.exchange(nullptr, std::memory_order_acquire);
  }

  // Returns the element that was pushed before a taken one, or nullptr.
  static T* Next(const T& element) noexcept { return (element.*kNext).Read(); }

 private:
  sync::Atomic<T*> top_{nullptr};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_HANDOVER_LIST_H_
