// The hash maps of libcds under hazard pointers.

#ifndef HAFT_BENCH_PEERS_CDS_TABLES_H_
#define HAFT_BENCH_PEERS_CDS_TABLES_H_

#include <cds/container/feldman_hashmap_hp.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/michael_map.h>
#include <cds/gc/hp.h>
#include <cds/init.h>

#include <cstddef>

#include "bench/tables.h"

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

template <typename Map>
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

  Key New(Session& session, Object* object) {
    const Key key = session.keys.Next();
    return map_.insert(key, object) ? key : kNoKey;
  }
  bool Find(Key key, Object** object) {
    return map_.find(key, [=](const auto& entry) { *object = entry.second; });
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
using Michael = cds::container::MichaelHashMap<
    cds::gc::HP,
    cds::container::MichaelKVList<cds::gc::HP, Key, Object*, ListTraits>,
    MapTraits>;
using Feldman = cds::container::FeldmanHashMap<cds::gc::HP, Key, Object*>;

}  // namespace cds_maps

class MichaelTable : public CdsTable<cds_maps::Michael> {
 public:
  explicit MichaelTable(std::size_t capacity) : CdsTable(capacity, kLoad) {}

 private:
  static constexpr std::size_t kLoad = 1;
};

class FeldmanTable : public CdsTable<cds_maps::Feldman> {
 public:
  explicit FeldmanTable(std::size_t capacity)
      : CdsTable(HeadBits(capacity), kArrayBits) {}

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

}  // namespace haft::bench

#endif  // HAFT_BENCH_PEERS_CDS_TABLES_H_
