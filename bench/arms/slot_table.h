// A slot array with generations, for free lists of other libraries.

#ifndef HAFT_BENCH_ARMS_SLOT_TABLE_H_
#define HAFT_BENCH_ARMS_SLOT_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "haft_study/value.h"

namespace haft::study {

// The plainest table that checks its keys. A key is the generation of a slot
// above its index plus one; a generation that wraps after 2^32 uses is accepted
// here, and would not be in a table that is to be used.
//
//   class FreeList {
//     explicit FreeList(std::size_t capacity);
//     bool Pop(std::uint32_t* index);    false: there is none
//     void Push(std::uint32_t index);    never more than `capacity`
//   };
template <typename FreeList>
class SlotTable {
 public:
  explicit SlotTable(std::size_t capacity)
      : free_(capacity), capacity_(capacity), slots_(new Slot[capacity]) {
    for (std::size_t i = 0; i < capacity; ++i)
      free_.Push(static_cast<std::uint32_t>(i));
  }

  Key New(Value value) {
    std::uint32_t index;
    if (!free_.Pop(&index)) return kNoKey;
    Slot& slot = slots_[index];
    // relaxed: the slot belongs to this thread.
    const Key key = (slot.key.load(std::memory_order_relaxed) & ~kLive) +
                    kGeneration + index + 1;
    // release, of both: a look-up that reads this value of a new key reads the
    // end of the old key afterwards.
    slot.value.store(value, std::memory_order_release);
    // release: publishes the value.
    slot.key.store(key, std::memory_order_release);
    return key;
  }
  bool Find(Key key, Value* value) const {
    const Slot* const slot = Of(key);
    // acquire, of both: keep the three loads in this order.
    if (slot == nullptr || slot->key.load(std::memory_order_acquire) != key)
      return false;
    *value = slot->value.load(std::memory_order_acquire);
    return slot->key.load(std::memory_order_relaxed) == key;
  }
  bool Delete(Key key) {
    Slot* const slot = Of(key);
    if (slot == nullptr) return false;
    Key expected = key;
    // acq_rel: one of several threads gets the slot, after its New.
    if (!slot->key.compare_exchange_strong(expected, key & ~kLive,
                                           std::memory_order_acq_rel,
                                           std::memory_order_relaxed))
      return false;
    free_.Push(static_cast<std::uint32_t>((key & kLive) - 1));
    return true;
  }

 private:
  // The bits of the index plus one, which are 0 in a free slot.
  static constexpr Key kLive = 0xffffffffU;
  static constexpr Key kGeneration = kLive + 1;

  struct alignas(16) Slot {
    std::atomic<Key> key{0};
    std::atomic<Value> value{0};
  };

  Slot* Of(Key key) const {
    const std::size_t index = (key & kLive) - 1;
    return index < capacity_ ? &slots_[index] : nullptr;
  }

  FreeList free_;
  const std::size_t capacity_;
  const std::unique_ptr<Slot[]> slots_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_ARMS_SLOT_TABLE_H_
