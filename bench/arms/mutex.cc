// One mutex and a std::unordered_map.

#include "bench/tables/locked_maps.h"
#include "haft_study/arm.h"

namespace {

using haft::bench::MutexMapOf;
using haft::bench::ShardedTable;

template <typename V>
struct Mutex : ShardedTable<MutexMapOf<V>, 1, V> {
  using ShardedTable<MutexMapOf<V>, 1, V>::ShardedTable;
  static constexpr const char* kProgress = "blocking";
};

HAFT_STUDY_ARM_OF("mutex", Mutex);

}  // namespace
