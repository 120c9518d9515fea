// A slot array with generations and its free list, all under one mutex.

#include <cstddef>
#include <mutex>
#include <vector>

#include "haft_study/arm.h"

namespace {

class SlotsMutex {
 public:
  static constexpr const char* kProgress = "blocking";

  explicit SlotsMutex(std::size_t capacity) : slots_(capacity) {
    free_.reserve(capacity);
    for (std::size_t i = capacity; i > 0; --i) free_.push_back(i - 1);
  }

  Key New(Value value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) return kNoKey;
    const std::size_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.key = ++generation_ << kIndexBits | index;
    slot.value = value;
    return slot.key;
  }
  bool Find(Key key, Value* value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Slot* const slot = Of(key);
    if (slot == nullptr) return false;
    *value = slot->value;
    return true;
  }
  bool Delete(Key key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Slot* const slot = Of(key);
    if (slot == nullptr) return false;
    slot->key = kNoKey;
    free_.push_back(static_cast<std::size_t>(slot - slots_.data()));
    return true;
  }

 private:
  static constexpr unsigned kIndexBits = 28;

  struct Slot {
    Key key = kNoKey;
    Value value = 0;
  };

  Slot* Of(Key key) {
    const std::size_t index = key & ((Key{1} << kIndexBits) - 1);
    if (index >= slots_.size() || slots_[index].key != key) return nullptr;
    return &slots_[index];
  }

  std::mutex mutex_;
  Key generation_ = 0;  // of the whole table
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
};

HAFT_STUDY_ARM("slots-mutex", SlotsMutex);

}  // namespace
