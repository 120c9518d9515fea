// Haft's version as text.

#ifndef HAFT_BENCH_TABLES_HAFT_VERSION_H_
#define HAFT_BENCH_TABLES_HAFT_VERSION_H_

#include "haft/haft.h"

#define HAFT_BENCH_TEXT_(number) #number
#define HAFT_BENCH_TEXT(number) HAFT_BENCH_TEXT_(number)

namespace haft::bench {

inline constexpr char kHaftVersion[] =
    HAFT_BENCH_TEXT(HAFT_VERSION_MAJOR) "." HAFT_BENCH_TEXT(
        HAFT_VERSION_MINOR) "." HAFT_BENCH_TEXT(HAFT_VERSION_PATCH);

}  // namespace haft::bench

#undef HAFT_BENCH_TEXT
#undef HAFT_BENCH_TEXT_

#endif  // HAFT_BENCH_TABLES_HAFT_VERSION_H_
