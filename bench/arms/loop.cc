// The harness alone: a table whose calls do nothing.

#include <cstddef>

#include "bench/worker/values.h"
#include "haft_study/arm.h"

namespace {

// The key is the address that is the value.
template <typename V>
struct Loop {
  static constexpr bool kRefusesStale = false;

  explicit Loop(std::size_t) {}
  Key New(const V& value) { return haft::study::AddressIn(value); }
  bool Find(Key key, V* value) {
    *value = haft::study::MakeValue<V>(key);
    return true;
  }
  bool Delete(Key key) {
    haft::study::Use(key);
    return true;
  }
  bool DeleteUnlessPinned(Key key) { return Delete(key); }

  std::size_t NewBatch(const V* values, std::size_t count, Key* keys) {
    for (std::size_t i = 0; i < count; ++i) keys[i] = New(values[i]);
    return count;
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) Delete(keys[i]);
    return count;
  }

  struct Pinned {
    explicit operator bool() const { return true; }
    V value() const { return haft::study::MakeValue<V>(key); }
    Key key;
  };
  Pinned Pin(Key key) { return {key}; }
  void Unpin(Pinned& pinned) { haft::study::Use(pinned.key); }

  struct Scope {
    explicit Scope(Loop&) {}
  };
  int Stats() { return 0; }
};

HAFT_STUDY_ARM_OF("loop", Loop);

}  // namespace
