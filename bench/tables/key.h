// The keys of a table, and the values of those tables that take any.

#ifndef HAFT_BENCH_TABLES_KEY_H_
#define HAFT_BENCH_TABLES_KEY_H_

#include <cstdint>

namespace haft::bench {

using Key = std::uintptr_t;
inline constexpr Key kNoKey = 0;

// The object to which the values of every table point.
struct Object {
  std::uint64_t content;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_KEY_H_
