// The harness alone: a table whose calls do nothing.

#include <cstddef>

#include "haft_study/arm.h"

namespace {

// The key is the value.
struct Loop {
  static constexpr bool kRefusesStale = false;

  explicit Loop(std::size_t) {}
  Key New(Value value) { return value; }
  bool Find(Key key, Value* value) {
    *value = key;
    return true;
  }
  bool Delete(Key key) {
    // As if something were done with it.
    asm volatile("" : : "r"(key));
    return true;
  }
  std::size_t NewBatch(const Value* values, std::size_t count, Key* keys) {
    for (std::size_t i = 0; i < count; ++i) keys[i] = values[i];
    return count;
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) Delete(keys[i]);
    return count;
  }
};

HAFT_STUDY_ARM("loop", Loop);

}  // namespace
