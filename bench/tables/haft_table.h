// Haft's HandleTable, with any of its free lists.

#ifndef HAFT_BENCH_TABLES_HAFT_TABLE_H_
#define HAFT_BENCH_TABLES_HAFT_TABLE_H_

#include <cstddef>
#include <optional>

#include "bench/tables/haft_version.h"
#include "bench/tables/key.h"
#include "haft/handle_table.h"

namespace haft::bench {

template <typename FreeListT, typename Value = Object*,
          typename OtherTraits = DefaultTraits>
class HaftTable {
  struct Traits : OtherTraits {
    using FreeList = FreeListT;
  };
  using Table = HandleTable<Value, Traits>;

 public:
  struct Session {
    explicit Session(HaftTable&) {}
  };

  static constexpr const char* kVersion = kHaftVersion;
  static constexpr const char* kProgress = "lock-free";
  static constexpr std::size_t kMaxCapacity = Table::kMaxCapacity;

  explicit HaftTable(std::size_t capacity) : table_(capacity) {}

  // Inlined by force, as the functions that they call, so that only those are
  // measured.
  [[gnu::always_inline]] Key New(Session&, const Value& value) {
    return static_cast<Key>(table_.New(value));
  }
  bool Find(Key key, Value* value) {
    const std::optional<Value> found = table_.Value(Handle(key));
    if (!found.has_value()) return false;
    *value = *found;
    return true;
  }
  [[gnu::always_inline]] bool Delete(Key key) {
    return table_.Delete(Handle(key)).has_value();
  }

  std::size_t NewBatch(Session&, const Value* values, std::size_t count,
                       Key* keys) {
    return table_.NewBatch(values, count, reinterpret_cast<Handle*>(keys));
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    return table_.DeleteBatch(reinterpret_cast<const Handle*>(keys), count);
  }

  TableStats Stats() const { return table_.Stats(); }

 private:
  Table table_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_HAFT_TABLE_H_
