// Requirements on types: the part of C++20's concepts that Haft needs in C++17.

#ifndef HAFT_INTERNAL_BASE_REQUIREMENT_H_
#define HAFT_INTERNAL_BASE_REQUIREMENT_H_

#include <type_traits>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A requirement R is an alias template of a type with a constant `value`. The
// types T... meet it if R<T...> is well formed and its value is true. For
// example
//
//   template <typename T>
//   using HasSize = std::is_same<decltype(std::declval<T&>().size()), size_t>;
//
//   static_assert(kMeets<HasSize, std::string> && !kMeets<HasSize, int>);
template <typename Void, template <typename...> class R, typename... T>
struct MeetsIfWellFormed : std::false_type {};
template <template <typename...> class R, typename... T>
struct MeetsIfWellFormed<std::void_t<R<T...>>, R, T...>
    : std::bool_constant<R<T...>::value> {};

// std::true_type or std::false_type, for std::conjunction and std::disjunction.
template <template <typename...> class R, typename... T>
using Meets = MeetsIfWellFormed<void, R, T...>;
template <template <typename...> class R, typename... T>
inline constexpr bool kMeets = Meets<R, T...>::value;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_REQUIREMENT_H_
