// The hash maps of xenium, with two of its ways of reclamation.

#include "haft_study/arm.h"

#if __has_include(<xenium/vyukov_hash_map.hpp>)

#include <cassert>  // before xenium, whose headers need it and do not include it
#include <cstddef>
#include <utility>
#include <vector>
#include <xenium/harris_michael_hash_map.hpp>
#include <xenium/reclamation/generic_epoch_based.hpp>
#include <xenium/reclamation/hazard_pointer.hpp>
#include <xenium/vyukov_hash_map.hpp>

#include "bench/tables/keyed_table.h"
#if __has_include("bench/arms/package_versions.h")
#include "bench/arms/package_versions.h"
#else
#define HAFT_VERSION_OF_LIBXENIUM nullptr
#endif

namespace {

using haft::bench::KeyedTable;
using xenium::policy::reclaimer;

// Hazard pointers, of which a thread may have any number: a pin keeps up to
// two.
using Hazards = xenium::reclamation::hazard_pointer<>::with<
    xenium::policy::allocation_strategy<
        xenium::reclamation::hp_allocation::dynamic_strategy<3>>>;
// A region guard of these prolongs the critical region, and so is a scope.
using Epochs = xenium::reclamation::new_epoch_based<>;

// Updates lock a bucket, and look-ups are lock-free. A value of one word is
// stored in the bucket, so that there is nothing to be pinned, and only arrays
// of buckets are reclaimed.
template <typename Reclaimer>
class Vyukov : public KeyedTable {
  using Map = xenium::vyukov_hash_map<Key, Value, reclaimer<Reclaimer>>;

 public:
  static constexpr const char* kVersion = HAFT_VERSION_OF_LIBXENIUM;
  static constexpr const char* kProgress = "blocking";

  explicit Vyukov(std::size_t capacity) : map_(capacity) {}
  Key New(Session& session, Value value) {
    const Key key = session.keys.Next();
    return map_.emplace(key, value) ? key : kNoKey;
  }
  bool Find(Key key, Value* value) {
    typename Map::accessor found;
    if (!map_.try_get_value(key, found)) return false;
    *value = *found;
    return true;
  }
  bool Delete(Key key) { return map_.erase(key); }

 private:
  Map map_;
};

// The number of buckets is a constant of the map's type, but should be near the
// capacity. The table therefore has as many small maps as it needs, of which
// the key's higher bits select one. Their buckets lie one after the other, as
// those of one large map would.
template <typename Reclaimer>
class HarrisMichael : public KeyedTable {
  static constexpr std::size_t kBuckets = 64;
  using Map =
      xenium::harris_michael_hash_map<Key, Value, reclaimer<Reclaimer>,
                                      xenium::policy::buckets<kBuckets>>;

 public:
  static constexpr const char* kVersion = HAFT_VERSION_OF_LIBXENIUM;
  static constexpr const char* kProgress = "lock-free";

  // An iterator keeps the element from being reclaimed.
  class Held {
   public:
    Held(typename Map::iterator element, bool found)
        : element_(std::move(element)), found_(found) {}
    explicit operator bool() const { return found_; }
    Value value() const { return element_->second; }

   private:
    typename Map::iterator element_;
    bool found_;
  };

  explicit HarrisMichael(std::size_t capacity) : maps_(MapsFor(capacity)) {}
  Key New(Session& session, Value value) {
    const Key key = session.keys.Next();
    return Of(key).emplace(key, value) ? key : kNoKey;
  }
  bool Find(Key key, Value* value) {
    Map& map = Of(key);
    const typename Map::iterator found = map.find(key);
    if (found == map.end()) return false;
    *value = found->second;
    return true;
  }
  bool Delete(Key key) { return Of(key).erase(key); }
  Held Pin(Key key) {
    Map& map = Of(key);
    typename Map::iterator found = map.find(key);
    const bool is_live = found != map.end();
    return {std::move(found), is_live};
  }

 private:
  // Returns a power of two.
  static std::size_t MapsFor(std::size_t capacity) {
    std::size_t maps = 1;
    while (maps * kBuckets < capacity) maps *= 2;
    return maps;
  }
  Map& Of(Key key) { return maps_[key / kBuckets & (maps_.size() - 1)]; }

  std::vector<Map> maps_;
};

template <typename Table>
struct WithScope : Table {
  using Table::Table;
  struct Scope {
    explicit Scope(WithScope&) {}
    Epochs::region_guard guard;
  };
};

HAFT_STUDY_ARM("xenium/vyukov-hp", Vyukov<Hazards>);
HAFT_STUDY_ARM("xenium/vyukov-epoch", WithScope<Vyukov<Epochs>>);
HAFT_STUDY_ARM("xenium/harris-michael-hp", HarrisMichael<Hazards>);
HAFT_STUDY_ARM("xenium/harris-michael-epoch", WithScope<HarrisMichael<Epochs>>);

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("xenium/vyukov-hp", "package libxenium-dev");
HAFT_STUDY_UNAVAILABLE("xenium/vyukov-epoch", "package libxenium-dev");
HAFT_STUDY_UNAVAILABLE("xenium/harris-michael-hp", "package libxenium-dev");
HAFT_STUDY_UNAVAILABLE("xenium/harris-michael-epoch", "package libxenium-dev");

#endif
