// The hash map of libcuckoo.

#include "haft_study/arm.h"

#if __has_include(<libcuckoo/cuckoohash_map.hh>)

#include <cstddef>
#include <libcuckoo/cuckoohash_map.hh>

#include "bench/tables/keyed_table.h"
#if __has_include("bench/arms/package_versions.h")
#include "bench/arms/package_versions.h"
#else
#define HAFT_VERSION_OF_LIBCUCKOO nullptr
#endif

namespace {

// Each bucket has room for four entries, and each lock is of several buckets. A
// look-up takes the locks of the two buckets in which its key may be.
class Cuckoo : public haft::bench::KeyedTable {
 public:
  static constexpr const char* kVersion = HAFT_VERSION_OF_LIBCUCKOO;
  static constexpr const char* kProgress = "blocking";

  explicit Cuckoo(std::size_t capacity) : map_(capacity) {}
  Key New(Session& session, Value value) {
    const Key key = session.keys.Next();
    return map_.insert(key, value) ? key : kNoKey;
  }
  bool Find(Key key, Value* value) { return map_.find(key, *value); }
  bool Delete(Key key) { return map_.erase(key); }

 private:
  libcuckoo::cuckoohash_map<Key, Value> map_;
};

HAFT_STUDY_ARM("libcuckoo", Cuckoo);

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("libcuckoo", "package libcuckoo-dev");

#endif
