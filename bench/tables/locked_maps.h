// Hash maps of the standard library behind one lock or several.

#ifndef HAFT_BENCH_TABLES_LOCKED_MAPS_H_
#define HAFT_BENCH_TABLES_LOCKED_MAPS_H_

#include <cstddef>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "bench/tables/keyed_table.h"

namespace haft::bench {

template <typename Mutex, typename ReaderLock, typename Value = Object*>
class LockedMap {
 public:
  void Reserve(std::size_t capacity) { map_.reserve(capacity); }
  bool Insert(Key key, const Value& value) {
    const std::unique_lock<Mutex> lock(mutex_);
    return map_.emplace(key, value).second;
  }
  bool Find(Key key, Value* value) {
    const ReaderLock lock(mutex_);
    const auto found = map_.find(key);
    if (found == map_.end()) return false;
    *value = found->second;
    return true;
  }
  bool Erase(Key key) {
    const std::unique_lock<Mutex> lock(mutex_);
    return map_.erase(key) != 0;
  }

 private:
  alignas(128) Mutex mutex_;
  std::unordered_map<Key, Value> map_;
};

template <typename Value>
using MutexMapOf = LockedMap<std::mutex, std::unique_lock<std::mutex>, Value>;
template <typename Value>
using SharedMutexMapOf =
    LockedMap<std::shared_mutex, std::shared_lock<std::shared_mutex>, Value>;

using MutexMap = MutexMapOf<Object*>;
using SharedMutexMap = SharedMutexMapOf<Object*>;

// `kShards` maps with a lock each; the key's low bits select the map.
template <typename Map, std::size_t kShards, typename Value = Object*>
class ShardedTable : public KeyedTable {
 public:
  explicit ShardedTable(std::size_t capacity) : shards_(kShards) {
    for (Map& shard : shards_) shard.Reserve(capacity / kShards + 1);
  }
  Key New(Session& session, const Value& value) {
    const Key key = session.keys.Next();
    return Of(key).Insert(key, value) ? key : kNoKey;
  }
  bool Find(Key key, Value* value) { return Of(key).Find(key, value); }
  bool Delete(Key key) { return Of(key).Erase(key); }

 private:
  Map& Of(Key key) { return shards_[key % kShards]; }

  std::vector<Map> shards_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_LOCKED_MAPS_H_
