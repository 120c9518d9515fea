// The concept *cache access*: how one call of a table uses the cache of the
// calling thread.

#ifndef HAFT_INTERNAL_THREAD_CACHE_ACCESS_H_
#define HAFT_INTERNAL_THREAD_CACHE_ACCESS_H_

#include <cstdint>
#include <type_traits>
#include <utility>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/requirement.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// ThreadCaches::With makes a cache access for each call of a table that takes
// or returns a handle. The table counts with it and passes it to the free list
// as `thread`. There are two models:
//
//   ThreadCaches::Owner           The thread is inside its cache. No other
//                                 thread and no signal handler uses that cache
//                                 until the access is destroyed.
//   ThreadCaches::UncachedCaller  The thread has no cache, or the caller is a
//                                 signal handler that interrupted the thread
//                                 inside it.
//
// A type A is a cache access if it has the members below. All of them are
// wait-free and async-signal-safe, and none throws.
//
//   A::kHasCache       constexpr bool: the members of the second list exist
//   CountCreated(n)    counts n new handles. The table calls it.
//   UncountCreated()   takes back one handle that was counted as new, because
//                      the object's constructor threw. The table calls it.
//   CountDeleted(n)    counts n deleted handles. The table calls it.
//
// If kHasCache, the free list calls these:
//
//   cache()            the free list's Cache, or a class derived from it; all
//                      bytes are 0 at first
//   level()            a number from 0 to 255 that belongs to the cache and is
//                      0 at first. A free list that keeps handles in the cache
//                      counts them here: the level is in a register, so that
//                      Pop and Push store it once, when the access ends.
//   set_level(level)   replaces it; RaiseLevel() adds 1, LowerLevel()
//                      subtracts 1

template <typename A>
using SaysWhetherCached = std::is_same<decltype(A::kHasCache), const bool>;
template <typename A>
using IsUncached = std::bool_constant<!A::kHasCache>;
template <typename A>
using Counts = std::bool_constant<noexcept(
    std::declval<A&>().CountCreated(std::uint64_t{}),
    std::declval<A&>().UncountCreated(),
    std::declval<A&>().CountDeleted(std::uint64_t{}))>;
template <typename A, typename Cache>
using HasCache =
    std::is_convertible<decltype(std::declval<A&>().cache()), Cache&>;
template <typename A>
using HasLevel = std::is_same<decltype(std::declval<A&>().level()), unsigned>;
template <typename A>
using ChangesLevel = std::bool_constant<noexcept(
    std::declval<A&>().cache(), std::declval<A&>().level(),
    std::declval<A&>().set_level(0u), std::declval<A&>().RaiseLevel(),
    std::declval<A&>().LowerLevel())>;

// Whether A is a cache access for free lists whose part of the cache is Cache.
template <typename A, typename Cache>
inline constexpr bool kIsCacheAccess = std::conjunction_v<
    Meets<SaysWhetherCached, A>, Meets<Counts, A>,
    std::disjunction<
        Meets<IsUncached, A>,
        std::conjunction<Meets<HasCache, A, Cache>, Meets<HasLevel, A>,
                         Meets<ChangesLevel, A>>>>;

// The two models as declarations only. free_list_concept.h calls a free list
// with them, and so does a test of a new free list.
template <typename Cache>
struct CachedAccess {
  static constexpr bool kHasCache = true;
  void CountCreated(std::uint64_t) noexcept;
  void UncountCreated() noexcept;
  void CountDeleted(std::uint64_t) noexcept;
  Cache& cache() const noexcept;
  unsigned level() const noexcept;
  void set_level(unsigned) noexcept;
  void RaiseLevel() noexcept;
  void LowerLevel() noexcept;
};
struct UncachedAccess {
  static constexpr bool kHasCache = false;
  void CountCreated(std::uint64_t) noexcept;
  void UncountCreated() noexcept;
  void CountDeleted(std::uint64_t) noexcept;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_THREAD_CACHE_ACCESS_H_
