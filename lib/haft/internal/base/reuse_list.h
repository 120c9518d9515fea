// Objects that are used again and never freed, in a list that every thread may
// walk.

#ifndef HAFT_INTERNAL_BASE_REUSE_LIST_H_
#define HAFT_INTERNAL_BASE_REUSE_LIST_H_

#include "haft/internal/base/abi.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A thread that takes an object owns it until it gives it back. An object is
// made if a thread has seen each of the others owned. T derives from
// ReuseList<T>::Link and is constructed owned. Constant-initialised; there is
// no destructor, because threads walk the list until the process ends.
template <typename T>
class ReuseList {
 public:
  class Link {
    friend class ReuseList;
    sync::Atomic<bool> is_taken_{true};
    sync::Plain<T*> next_{};
  };

  // Returns an object that nobody owns, or nullptr if there is no memory for
  // another one.
  //   Progress  lock-free, but for allocation
  T* Take() noexcept {
    T* free = nullptr;
    ForEach([&free](T& object) {
      // relaxed: a hint.
      if (free != nullptr || object.is_taken_.load(std::memory_order_relaxed))
        return;
      // [B3] acquire: the object as its last owner left it before [B4].
      if (!object.is_taken_.exchange(true, std::memory_order_acquire))
        free = &object;
    });
    return free != nullptr ? free : Add();
  }

  // Gives an object back that the calling thread owns.
  void Give(T& object) noexcept {
    // [B4] release: partner of [B3].
    object.is_taken_.store(false, std::memory_order_release);
  }

  // Calls f(object) for every object that was ever made, owned or not.
  template <typename F>
  void ForEach(F f) const noexcept {
    // [B2] acquire: the objects as they were made before [B1].
    for (T* object = first_.load(std::memory_order_acquire);
         object != nullptr;) {
      // Before f, so that f may destroy the object if no other thread is left.
      T* const next = object->next_.Read();
      f(*object);
      object = next;
    }
  }

 private:
  T* Add() noexcept {
    T* const object = new (kNoThrow) T;
    if (object == nullptr) return nullptr;
    // relaxed, here and on failure: the first object is only copied, and [B1]
    // continues its release sequence.
    T* first = first_.load(std::memory_order_relaxed);
    do {
      object->next_.Write(first);
      // [B1] release: publishes the object; partner of [B2].
    } while (!first_.compare_exchange_weak(
        first, object, std::memory_order_release, std::memory_order_relaxed));
    return object;
  }

  sync::Atomic<T*> first_{nullptr};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_REUSE_LIST_H_
