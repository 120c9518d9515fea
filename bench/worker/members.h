// The members that a table has, found by their calls. A member that takes the
// thread's session first is preferred to one that does not.

#ifndef HAFT_BENCH_WORKER_MEMBERS_H_
#define HAFT_BENCH_WORKER_MEMBERS_H_

#include <cstddef>
#include <type_traits>
#include <utility>

#include "haft_study/value.h"

namespace haft::study {

namespace internal {

template <typename Void, template <typename...> class Expression,
          typename... Arguments>
struct Detector : std::false_type {};
template <template <typename...> class Expression, typename... Arguments>
struct Detector<std::void_t<Expression<Arguments...>>, Expression, Arguments...>
    : std::true_type {};

// The session of a table that needs none.
struct NoSession {
  template <typename T>
  explicit NoSession(T&) {}
};
template <typename T, typename = void>
struct SessionType {
  using Type = NoSession;
};
template <typename T>
struct SessionType<T, std::void_t<typename T::Session>> {
  using Type = typename T::Session;
};

}  // namespace internal

// Whether Expression<Arguments...> is well-formed.
template <template <typename...> class Expression, typename... Arguments>
inline constexpr bool kIsWellFormed =
    internal::Detector<void, Expression, Arguments...>::value;

template <typename T>
using SessionOf = typename internal::SessionType<T>::Type;

// Defines kHas<Name><T, Arguments...>, and call::<Name>, which calls the member
// of that name in whichever form the table has it.
#define HAFT_STUDY_MEMBER(Name)                                          \
  namespace internal {                                                   \
  template <typename T, typename... Arguments>                           \
  using Name##Expression =                                               \
      decltype(std::declval<T&>().Name(std::declval<Arguments>()...));   \
  template <typename T, typename... Arguments>                           \
  inline constexpr bool kHas##Name##InSession =                          \
      kIsWellFormed<Name##Expression, T, SessionOf<T>&, Arguments...>;   \
  }                                                                      \
  template <typename T, typename... Arguments>                           \
  inline constexpr bool kHas##Name =                                     \
      internal::kHas##Name##InSession<T, Arguments...> ||                \
      kIsWellFormed<internal::Name##Expression, T, Arguments...>;        \
  namespace call {                                                       \
  template <typename T, typename... Arguments>                           \
  [[gnu::always_inline]] inline decltype(auto) Name(                     \
      T& table, [[maybe_unused]] SessionOf<T>& session,                  \
      Arguments... arguments) {                                          \
    if constexpr (internal::kHas##Name##InSession<T, Arguments...>) {    \
      return table.Name(session, std::forward<Arguments>(arguments)...); \
    } else {                                                             \
      return table.Name(std::forward<Arguments>(arguments)...);          \
    }                                                                    \
  }                                                                      \
  }

HAFT_STUDY_MEMBER(New)
HAFT_STUDY_MEMBER(Find)
HAFT_STUDY_MEMBER(Delete)
HAFT_STUDY_MEMBER(NewBatch)
HAFT_STUDY_MEMBER(DeleteBatch)
HAFT_STUDY_MEMBER(Pin)
HAFT_STUDY_MEMBER(Unpin)
HAFT_STUDY_MEMBER(DeleteUnlessPinned)
HAFT_STUDY_MEMBER(Stats)

#undef HAFT_STUDY_MEMBER

// The pin of a table that has Pin.
template <typename T>
using PinOf = std::decay_t<decltype(call::Pin(
    std::declval<T&>(), std::declval<SessionOf<T>&>(), Key{}))>;

namespace internal {

template <typename T>
using ScopeExpression = typename T::Scope;
template <typename T>
using RefusesStaleExpression = decltype(T::kRefusesStale);
template <typename T>
using VersionExpression = decltype(T::kVersion);
template <typename T>
using ProgressExpression = decltype(T::kProgress);
template <typename T>
using MaxThreadsExpression = decltype(T::kMaxThreads);
template <typename T>
using MaxCapacityExpression = decltype(T::kMaxCapacity);

}  // namespace internal

template <typename T>
inline constexpr bool kHasScope = kIsWellFormed<internal::ScopeExpression, T>;

// Whether look-ups of deleted keys are refused. They are, unless the table says
// kRefusesStale = false, as the yardsticks do, which check nothing.
template <typename T>
constexpr bool RefusesStale() {
  if constexpr (kIsWellFormed<internal::RefusesStaleExpression, T>)
    return T::kRefusesStale;
  return true;
}
template <typename T>
constexpr const char* VersionOf() {
  if constexpr (kIsWellFormed<internal::VersionExpression, T>)
    return T::kVersion;
  return nullptr;
}
template <typename T>
constexpr const char* ProgressOf() {
  if constexpr (kIsWellFormed<internal::ProgressExpression, T>)
    return T::kProgress;
  return nullptr;
}
// Return 0 if the table names no limit.
template <typename T>
constexpr std::size_t MaxThreadsOf() {
  if constexpr (kIsWellFormed<internal::MaxThreadsExpression, T>)
    return T::kMaxThreads;
  return 0;
}
template <typename T>
constexpr std::size_t MaxCapacityOf() {
  if constexpr (kIsWellFormed<internal::MaxCapacityExpression, T>)
    return T::kMaxCapacity;
  return 0;
}

// What a workload needs of a table, besides New.
enum Needs : unsigned {
  kFind = 1U << 0U,
  kDelete = 1U << 1U,
  kNewBatch = 1U << 2U,
  kDeleteBatch = 1U << 3U,
  kPin = 1U << 4U,
  kScope = 1U << 5U,
  kDeleteUnlessPinned = 1U << 6U,
  kStats = 1U << 7U,
  kRefusesStale = 1U << 8U,
};

// Returns the name of the first member that is needed and missing; null if
// there is none.
template <typename T, typename V>
constexpr const char* MissingOf(unsigned needs) {
  const auto lacks = [needs](Needs need, bool has) {
    return (needs & need) != 0 && !has;
  };
  if (!kHasNew<T, V>) return "New";
  if (lacks(kFind, kHasFind<T, Key, V*>)) return "Find";
  if (lacks(kDelete, kHasDelete<T, Key>)) return "Delete";
  if (lacks(kNewBatch, kHasNewBatch<T, const V*, std::size_t, Key*>))
    return "NewBatch";
  if (lacks(kDeleteBatch, kHasDeleteBatch<T, const Key*, std::size_t>))
    return "DeleteBatch";
  if (lacks(kPin, kHasPin<T, Key>)) return "Pin";
  if (lacks(kScope, kHasScope<T>)) return "Scope";
  if (lacks(kDeleteUnlessPinned, kHasDeleteUnlessPinned<T, Key>))
    return "DeleteUnlessPinned";
  if (lacks(kStats, kHasStats<T>)) return "Stats";
  if (lacks(kRefusesStale, RefusesStale<T>())) return "kRefusesStale";
  return nullptr;
}

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_MEMBERS_H_
