// The concurrent hash map of oneTBB.

#include "haft_study/arm.h"

#if __has_include(<tbb/concurrent_hash_map.h>)

#include <tbb/version.h>

#include "bench/tables/tbb_table.h"

namespace {

struct Tbb : haft::bench::TbbTableOf<Value> {
  using TbbTableOf::TbbTableOf;
  static constexpr const char* kVersion = TBB_VERSION_STRING;
  static constexpr const char* kProgress = "blocking";
};

HAFT_STUDY_ARM("tbb", Tbb);

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("tbb", "package libtbb-dev");

#endif
