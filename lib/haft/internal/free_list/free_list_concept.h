// The concept *free list*: the members that a Traits::FreeList must have.

#ifndef HAFT_INTERNAL_FREE_LIST_FREE_LIST_CONCEPT_H_
#define HAFT_INTERNAL_FREE_LIST_FREE_LIST_CONCEPT_H_

#include <cstddef>
#include <type_traits>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/requirement.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/thread/cache_access.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A free list keeps the *ready-made handles* of free slots: the handle that the
// next New of that slot will return. `Traits::FreeList` names one. Haft has
// MagazineFreeList (the default), StripedFreeList, GlobalFreeList and
// CdsFreeList. A type L is a free list if it has these members:
//
//   struct L::Cache
//     Used by    the table, which keeps one for each cache number, or an
//                object of a class derived from it. It lies in memory that is
//                all zero at first: no constructor and no destructor runs. The
//                next thread with the same index inherits it.
//
//   static size_t L::SlotsFor(size_t capacity, size_t limit) noexcept
//     Called by  the table's constructor, with capacity <= limit
//     Returns    how many slots the table needs so that `capacity` handles can
//                always be live, wherever the other handles wait: from
//                `capacity` to `limit`
//
//   L(size_t capacity, size_t range, FreshSlots* fresh_slots) noexcept
//     Called by  the table's constructor. fresh_slots->limit() is SlotsFor's
//                answer, and `range` is a power of two that is not smaller:
//                bits 1 to log2(range) of a handle are the number of its slot.
//                A table that refuses its capacity passes a capacity of 0, and
//                a limit of 0.
//     Errors     ok() is false afterwards, and the table is refused
//
//   bool ok() const noexcept
//     Called by  the table's constructor
//
//   Word Pop(Access& thread) noexcept
//     Called by  New and Emplace, inside ThreadCaches::With. Access is a cache
//                access (cache_access.h), with or without a cache.
//     Returns    a handle that no other caller has: one that was pushed, or a
//                first one of `fresh_slots`. 0 only if there was a moment
//                during the call at which nothing was left to take.
//                (CdsFreeList may return 0 while a Push is under way.)
//     Progress   lock-free; async-signal-safe; no allocation
//
//   void Push(Access& thread, Word handle) noexcept
//     Called by  Delete and after a destructor, inside ThreadCaches::With, with
//                the next handle of a slot that the caller has ended. It never
//                lacks memory: a slot has at most one handle in the free list.
//     Progress   lock-free; async-signal-safe; no allocation
//     Ordering   what precedes it happens before what follows the Pop that
//                returns this handle
//
//   size_t TakeRecycled(Access& thread, F&& f) noexcept
//     Called by  Trim, inside ThreadCaches::With
//     Effect     f(handle) for each of a few handles that were pushed (or are
//                fresh ones that the list had taken before), which then belong
//                to the caller; those in the thread's cache first. f does not
//                use the list, and the list keeps no magazine meanwhile.
//     Returns    how many; 0 if it has found none. It takes no fresh slots.
//     Progress   lock-free; async-signal-safe; no allocation
//
//   size_t MostInHand() const noexcept
//     Called by  Trim
//     Returns    how many handles one call may keep to itself for a while, so
//                that Pop finds `capacity` handles all the same
//
//   void Replace(F&& f) noexcept
//   static void ReplaceCached(Cache&, unsigned level, F&& f) noexcept
//     Called by  the child of a fork, before it has threads
//     Effect     replaces every handle that waits in the shared part, or in a
//                cache of that level, by f(handle), another one of its slot
//
//   void ForEach(F&& f) const
//   static void ForEachCached(const Cache&, unsigned level, F&& f)
//     Called by  tests, through the tables' ForEachFree, if no thread is inside
//                a call
//     Effect     f(handle) for every handle that waits in the shared part, or
//                in a cache of that level
//
// Another one is optional (kHasPrepare):
//
//   bool Prepare(Access& thread, size_t expected) noexcept
//     Called by  Prepare, inside ThreadCaches::With
//     Effect     gives memory to what Pop and Push will write while up to
//                `expected` handles are live, and to what this thread's first
//                call would make
//     Returns    false if there is no memory
//     Progress   lock-free; async-signal-safe; no allocation
//
// ObjectTable::TryEmplace, and so haft_new, needs one more. It is optional
// otherwise (kHasPopLoaded):
//
//   Word PopLoaded(Access& thread) noexcept, for an Access that has a cache
//     Called by  TryEmplace, inside ThreadCaches::WithOr
//     Returns    a handle of the thread's own cache; 0 if there is none at hand
//     Progress   wait-free; async-signal-safe

template <typename L>
using HasZeroedCache = std::bool_constant<
    std::is_class_v<typename L::Cache> && !std::is_final_v<typename L::Cache> &&
    std::is_trivially_default_constructible_v<typename L::Cache> &&
    std::is_trivially_destructible_v<typename L::Cache>>;
template <typename L>
using HasSlotsFor =
    std::is_same<decltype(L::SlotsFor(std::size_t{}, std::size_t{})),
                 std::size_t>;
template <typename L>
using HasOk = std::is_same<decltype(std::declval<const L&>().ok()), bool>;
template <typename L>
using ConstructsWithoutThrowing = std::bool_constant<
    std::is_nothrow_constructible_v<L, std::size_t, std::size_t, FreshSlots*>>;
template <typename L, typename Access>
using HasPop =
    std::is_same<decltype(std::declval<L&>().Pop(std::declval<Access&>())),
                 Word>;
template <typename L, typename Access>
using HasTakeRecycled =
    std::is_same<decltype(std::declval<L&>().TakeRecycled(
                     std::declval<Access&>(),
                     std::declval<void (&)(Word) noexcept>())),
                 std::size_t>;
template <typename L>
using HasMostInHand =
    std::is_same<decltype(std::declval<const L&>().MostInHand()), std::size_t>;
template <typename L, typename Access>
using HasPopLoaded = std::is_same<
    decltype(std::declval<L&>().PopLoaded(std::declval<Access&>())), Word>;
template <typename L, typename Access>
using HasPrepare = std::is_same<decltype(std::declval<L&>().Prepare(
                                    std::declval<Access&>(), std::size_t{})),
                                bool>;
template <typename L, typename Access>
using WorksWithoutThrowing = std::bool_constant<noexcept(
    L::SlotsFor(std::size_t{}, std::size_t{}), std::declval<const L&>().ok(),
    std::declval<L&>().Pop(std::declval<Access&>()),
    std::declval<L&>().Push(std::declval<Access&>(), Word{}),
    std::declval<L&>().TakeRecycled(std::declval<Access&>(),
                                    std::declval<void (&)(Word) noexcept>()),
    std::declval<const L&>().MostInHand())>;
template <typename L>
using HasForEach = std::is_void<decltype(std::declval<const L&>().ForEach(
    std::declval<void (&)(Word)>()))>;
template <typename L>
using HasForEachCached = std::is_void<decltype(L::ForEachCached(
    std::declval<const typename L::Cache&>(), unsigned{},
    std::declval<void (&)(Word)>()))>;

template <typename L>
using HasReplace = std::bool_constant<noexcept(
    std::declval<L&>().Replace(std::declval<Word (&)(Word) noexcept>()),
    L::ReplaceCached(std::declval<typename L::Cache&>(), unsigned{},
                     std::declval<Word (&)(Word) noexcept>()))>;

template <typename L, typename Access>
using Serves = std::conjunction<Meets<HasPop, L, Access>,
                                Meets<HasTakeRecycled, L, Access>,
                                Meets<WorksWithoutThrowing, L, Access>>;
template <typename L>
using ServesBothAccesses =
    std::conjunction<Serves<L, CachedAccess<typename L::Cache>>,
                     Serves<L, UncachedAccess>>;

// Whether L has all members of a free list, with the right types, that do not
// throw. The compiler cannot check what they do.
template <typename L>
inline constexpr bool kIsFreeList =
    std::conjunction_v<Meets<HasZeroedCache, L>, Meets<HasSlotsFor, L>,
                       Meets<HasOk, L>, Meets<ConstructsWithoutThrowing, L>,
                       Meets<ServesBothAccesses, L>, Meets<HasMostInHand, L>,
                       Meets<HasForEach, L>, Meets<HasForEachCached, L>,
                       Meets<HasReplace, L>>;

// Whether the free list L also has Prepare.
template <typename L>
inline constexpr bool kHasPrepare =
    kMeets<HasPrepare, L, CachedAccess<typename L::Cache>>&&
        kMeets<HasPrepare, L, UncachedAccess>;

// Whether the free list L also has PopLoaded.
template <typename L>
inline constexpr bool kHasPopLoaded =
    kMeets<HasPopLoaded, L, CachedAccess<typename L::Cache>>;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_FREE_LIST_CONCEPT_H_
