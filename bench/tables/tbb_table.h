// The concurrent hash map of oneTBB.

#ifndef HAFT_BENCH_TABLES_TBB_TABLE_H_
#define HAFT_BENCH_TABLES_TBB_TABLE_H_

#include <tbb/concurrent_hash_map.h>

#include <cstddef>

#include "bench/tables/keyed_table.h"

namespace haft::bench {

template <typename Value>
class TbbTableOf : public KeyedTable {
  using Map = tbb::concurrent_hash_map<Key, Value>;

 public:
  explicit TbbTableOf(std::size_t capacity) : map_(capacity) {}
  Key New(Session& session, const Value& value) {
    const Key key = session.keys.Next();
    return map_.insert({key, value}) ? key : kNoKey;
  }
  bool Find(Key key, Value* value) {
    typename Map::const_accessor found;
    if (!map_.find(found, key)) return false;
    *value = found->second;
    return true;
  }
  bool Delete(Key key) { return map_.erase(key); }

 private:
  Map map_;
};

using TbbTable = TbbTableOf<Object*>;

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_TBB_TABLE_H_
