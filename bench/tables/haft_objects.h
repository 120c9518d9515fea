// Haft's ObjectTable, with any of its reclamations.

#ifndef HAFT_BENCH_TABLES_HAFT_OBJECTS_H_
#define HAFT_BENCH_TABLES_HAFT_OBJECTS_H_

#include <cstddef>

#include "bench/tables/haft_version.h"
#include "bench/tables/key.h"
#include "haft/object_table.h"

namespace haft::bench {

// A look-up copies the value out under a pin. The calls are inlined by force,
// as those of a HandleTable are in bench/tables/haft_table.h.
template <typename V, typename ReclamationT>
class HaftObjects {
  struct Traits : DefaultTraits {
    using Reclamation = ReclamationT;
  };
  using Table = ObjectTable<V, Traits>;

 public:
  static constexpr const char* kVersion = kHaftVersion;
  static constexpr const char* kProgress = "lock-free";
  static constexpr std::size_t kMaxCapacity = Table::kMaxCapacity;

  explicit HaftObjects(std::size_t capacity) : table_(capacity) {}

  [[gnu::always_inline]] Key New(const V& value) {
    return static_cast<Key>(table_.Emplace(value));
  }
  [[gnu::always_inline]] bool Find(Key key, V* value) {
    const auto pin = table_.Pin(Handle(key));
    if (!pin) return false;
    *value = *pin;
    return true;
  }
  [[gnu::always_inline]] bool Delete(Key key) {
    return table_.Delete(Handle(key)) == Status::kOk;
  }
  bool DeleteUnlessPinned(Key key) {
    return table_.DeleteUnlessPinned(Handle(key)) == Status::kOk;
  }
  std::size_t NewBatch(const V* values, std::size_t count, Key* keys) {
    // InsertBatch moves from the values, which is to copy them.
    return table_.InsertBatch(const_cast<V*>(values), count,
                              reinterpret_cast<Handle*>(keys));
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    return table_.DeleteBatch(reinterpret_cast<const Handle*>(keys), count);
  }

  struct Pinned {
    explicit operator bool() const { return static_cast<bool>(pin); }
    const V& value() const { return *pin; }
    typename Table::Pinned pin;
  };
  [[gnu::always_inline]] Pinned Pin(Key key) {
    return {table_.Pin(Handle(key))};
  }

  class Scope {
   public:
    explicit Scope(HaftObjects& objects) : scope_(objects.table_) {}
    bool Find(Key key, V* value) const {
      const V* const found = scope_.Find(Handle(key));
      if (found == nullptr) return false;
      *value = *found;
      return true;
    }

   private:
    typename Table::ReadScope scope_;
  };

  ObjectTableStats Stats() const { return table_.Stats(); }

 private:
  Table table_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_HAFT_OBJECTS_H_
