// The hash maps of libcds.

#ifndef HAFT_BENCH_PEERS_CDS_TABLES_H_
#define HAFT_BENCH_PEERS_CDS_TABLES_H_

#include <cds/container/feldman_hashmap_hp.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/michael_map.h>
#include <cds/gc/hp.h>
#include <cds/init.h>

#include <cstddef>
#include <functional>

#include "bench/tables/keyed_table.h"

namespace haft::bench {

// Initialises libcds, and terminates it when destroyed. Only the thread that
// made it is attached.
class CdsLibrary {
 public:
  explicit CdsLibrary(std::size_t max_threads)
      : initialized_(), hazard_pointers_(kHazardPointers, max_threads) {
    cds::threading::Manager::attachThread();
  }
  ~CdsLibrary() { cds::threading::Manager::detachThread(); }

 private:
  static constexpr std::size_t kHazardPointers = 8;
  struct Initialized {
    Initialized() { cds::Initialize(); }
    ~Initialized() { cds::Terminate(); }
  };

  Initialized initialized_;
  cds::gc::HP hazard_pointers_;
};

template <typename Map, typename Value>
class CdsTable : public KeyedTable {
 public:
  struct Session : KeyedTable::Session {
    explicit Session(CdsTable& table) : KeyedTable::Session(table) {
      if (attached_here) cds::threading::Manager::attachThread();
    }
    ~Session() {
      if (attached_here) cds::threading::Manager::detachThread();
    }
    Session(const Session&) = delete;

    const bool attached_here = !cds::threading::Manager::isThreadAttached();
  };

  template <typename... Arguments>
  explicit CdsTable(Arguments... arguments) : map_(arguments...) {}

  Key New(Session& session, const Value& value) {
    const Key key = session.keys.Next();
    return map_.insert(key, value) ? key : kNoKey;
  }
  bool Find(Key key, Value* value) {
    return map_.find(key, [=](const auto& entry) { *value = entry.second; });
  }
  bool Delete(Key key) { return map_.erase(key); }

 private:
  Map map_;
};

namespace cds_maps {

struct ListTraits : cds::container::michael_list::traits {
  using less = std::less<Key>;
};
struct MapTraits : cds::container::michael_map::traits {
  using hash = std::hash<Key>;
};
template <typename Gc, typename Value>
using Michael = cds::container::MichaelHashMap<
    Gc, cds::container::MichaelKVList<Gc, Key, Value, ListTraits>, MapTraits>;
template <typename Gc, typename Value>
using Feldman = cds::container::FeldmanHashMap<Gc, Key, Value>;

}  // namespace cds_maps

// `Gc` is libcds's name for a way of reclamation.
template <typename Gc, typename Value>
class MichaelTableOf : public CdsTable<cds_maps::Michael<Gc, Value>, Value> {
 public:
  explicit MichaelTableOf(std::size_t capacity)
      : MichaelTableOf::CdsTable(capacity, kLoad) {}

 private:
  static constexpr std::size_t kLoad = 1;
};

template <typename Gc, typename Value>
class FeldmanTableOf : public CdsTable<cds_maps::Feldman<Gc, Value>, Value> {
 public:
  explicit FeldmanTableOf(std::size_t capacity)
      : FeldmanTableOf::CdsTable(HeadBits(capacity), kArrayBits) {}

 private:
  static constexpr std::size_t kArrayBits = 4;
  // The head array is as large as the live set, so most keys are found at its
  // first level.
  static std::size_t HeadBits(std::size_t capacity) {
    std::size_t bits = 8;
    while (bits < 20 && std::size_t{1} << bits < capacity) ++bits;
    return bits;
  }
};

using MichaelTable = MichaelTableOf<cds::gc::HP, Object*>;
using FeldmanTable = FeldmanTableOf<cds::gc::HP, Object*>;

}  // namespace haft::bench

#endif  // HAFT_BENCH_PEERS_CDS_TABLES_H_
