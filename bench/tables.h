// One interface over Haft and over the maps that people use instead of it.
//
//   class Table {
//     static constexpr const char* kName;
//     explicit Table(std::size_t capacity);    for `capacity` live keys
//     struct Session { explicit Session(Table&); };    the data of one thread
//     Key New(Session&, Object*);              returns kNoKey if it fails
//     bool Find(Key, Object**);                false if the key is not live
//     bool Delete(Key);                        likewise
//   };

#ifndef HAFT_BENCH_TABLES_H_
#define HAFT_BENCH_TABLES_H_

#include <tbb/concurrent_hash_map.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "haft/handle_table.h"

namespace haft::bench {

using Key = std::uintptr_t;
inline constexpr Key kNoKey = 0;

// The object to which the values of every table point.
struct Object {
  std::uint64_t content;
};

// Looks a key up for a thread, through the session if the session has a Find.
template <typename Table, typename Session>
auto FindIn(Table&, Session& session, Key key, Object** object)
    -> decltype(session.Find(key, object)) {
  return session.Find(key, object);
}
template <typename Table>
bool FindIn(Table& table, const typename Table::Session&, Key key,
            Object** object) {
  return table.Find(key, object);
}

template <typename FreeListT>
class HaftTable {
  struct Traits : DefaultTraits {
    using FreeList = FreeListT;
  };

 public:
  struct Session {
    explicit Session(HaftTable&) {}
  };

  explicit HaftTable(std::size_t capacity) : table_(capacity) {}

  // Inlined by force, as the functions that they call, so that only those are
  // measured.
  [[gnu::always_inline]] Key New(Session&, Object* object) {
    return static_cast<Key>(table_.New(object));
  }
  bool Find(Key key, Object** object) {
    const std::optional<Object*> value = table_.Value(Handle(key));
    if (!value.has_value()) return false;
    *object = *value;
    return true;
  }
  [[gnu::always_inline]] bool Delete(Key key) {
    return table_.Delete(Handle(key)).has_value();
  }

  std::size_t NewBatch(Session&, Object* const* objects, std::size_t count,
                       Key* keys) {
    return table_.NewBatch(objects, count, reinterpret_cast<Handle*>(keys));
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    return table_.DeleteBatch(reinterpret_cast<const Handle*>(keys), count);
  }

 private:
  HandleTable<Object*, Traits> table_;
};

// A map needs a source of keys. A counter from which threads draw blocks is the
// cheapest source that never repeats a key, and its runs of successive keys are
// the best case of every map here.
class KeyCounter {
 public:
  class Block {
   public:
    explicit Block(KeyCounter& counter) : counter_(counter) {}
    Key Next() {
      if (next_ == end_) {
        next_ = counter_.next_.fetch_add(kBlock, std::memory_order_relaxed);
        end_ = next_ + kBlock;
      }
      return next_++;
    }

   private:
    KeyCounter& counter_;
    Key next_ = 0;
    Key end_ = 0;
  };

 private:
  static constexpr Key kBlock = 1024;
  alignas(128) std::atomic<Key> next_{1};
};

// The part that all maps share: keys, and a session that draws them.
class KeyedTable {
 public:
  struct Session {
    explicit Session(KeyedTable& table) : keys(table.counter_) {}
    KeyCounter::Block keys;
  };

 private:
  KeyCounter counter_;
};

template <typename Mutex, typename ReaderLock>
class LockedMap {
 public:
  void Reserve(std::size_t capacity) { map_.reserve(capacity); }
  bool Insert(Key key, Object* object) {
    const std::unique_lock<Mutex> lock(mutex_);
    return map_.emplace(key, object).second;
  }
  bool Find(Key key, Object** object) {
    const ReaderLock lock(mutex_);
    const auto found = map_.find(key);
    if (found == map_.end()) return false;
    *object = found->second;
    return true;
  }
  bool Erase(Key key) {
    const std::unique_lock<Mutex> lock(mutex_);
    return map_.erase(key) != 0;
  }

 private:
  alignas(128) Mutex mutex_;
  std::unordered_map<Key, Object*> map_;
};

using MutexMap = LockedMap<std::mutex, std::unique_lock<std::mutex>>;
using SharedMutexMap =
    LockedMap<std::shared_mutex, std::shared_lock<std::shared_mutex>>;

// `kShards` maps with a lock each; the key's low bits select the map.
template <typename Map, std::size_t kShards>
class ShardedTable : public KeyedTable {
 public:
  explicit ShardedTable(std::size_t capacity) : shards_(kShards) {
    for (Map& shard : shards_) shard.Reserve(capacity / kShards + 1);
  }
  Key New(Session& session, Object* object) {
    const Key key = session.keys.Next();
    return Of(key).Insert(key, object) ? key : kNoKey;
  }
  bool Find(Key key, Object** object) { return Of(key).Find(key, object); }
  bool Delete(Key key) { return Of(key).Erase(key); }

 private:
  Map& Of(Key key) { return shards_[key % kShards]; }

  std::vector<Map> shards_;
};

class TbbTable : public KeyedTable {
  using Map = tbb::concurrent_hash_map<Key, Object*>;

 public:
  explicit TbbTable(std::size_t capacity) : map_(capacity) {}
  Key New(Session& session, Object* object) {
    const Key key = session.keys.Next();
    return map_.insert({key, object}) ? key : kNoKey;
  }
  bool Find(Key key, Object** object) {
    Map::const_accessor found;
    if (!map_.find(found, key)) return false;
    *object = found->second;
    return true;
  }
  bool Delete(Key key) { return map_.erase(key); }

 private:
  Map map_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_H_
