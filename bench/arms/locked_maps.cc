// std::unordered_map behind other locks than one std::mutex.

#include "bench/tables/locked_maps.h"

#include <cstddef>
#include <mutex>

#include "bench/arms/spin_locks.h"
#include "haft_study/arm.h"

namespace {

using haft::bench::LockedMap;
using haft::bench::MutexMapOf;
using haft::bench::ShardedTable;
using haft::bench::SharedMutexMapOf;

template <typename Map, std::size_t kShards>
struct Locked : ShardedTable<Map, kShards, Value> {
  using ShardedTable<Map, kShards, Value>::ShardedTable;
  static constexpr const char* kProgress = "blocking";
};

template <typename Lock>
using SpinMap = LockedMap<Lock, std::unique_lock<Lock>, Value>;

HAFT_STUDY_ARM("shared-mutex", Locked<SharedMutexMapOf<Value>, 1>);
HAFT_STUDY_ARM("mutex-64", Locked<MutexMapOf<Value>, 64>);
HAFT_STUDY_ARM("ticket-lock", Locked<SpinMap<haft::study::TicketLock>, 1>);
HAFT_STUDY_ARM("mcs-lock", Locked<SpinMap<haft::study::McsLock>, 1>);

}  // namespace
