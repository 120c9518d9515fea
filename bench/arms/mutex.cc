// One mutex and a std::unordered_map.

#include "bench/tables/locked_maps.h"
#include "haft_study/arm.h"

namespace {

template <typename V>
struct Mutex : haft::bench::ShardedTable<haft::bench::MutexMapOf<V>, 1, V> {
  static constexpr const char* kProgress = "blocking";
  using haft::bench::ShardedTable<haft::bench::MutexMapOf<V>, 1,
                                  V>::ShardedTable;
};

HAFT_STUDY_ARM_OF("mutex", Mutex);

}  // namespace
