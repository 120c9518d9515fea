// Calls to visitors that may end a walk.

#ifndef HAFT_INTERNAL_BASE_VISITOR_H_
#define HAFT_INTERNAL_BASE_VISITOR_H_

#include <type_traits>
#include <utility>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Does nothing; the default of callbacks.
struct DoNothing {
  void operator()() const noexcept {}
};

// Calls a visitor, which may return nothing or a bool.
//   Returns   whether it has returned true: then the walk ends
template <typename F, typename... Arguments>
bool InvokeVisitor(F& f, Arguments&&... arguments) {
  using Result = std::invoke_result_t<F&, Arguments...>;
  static_assert(std::is_void_v<Result> || std::is_same_v<Result, bool>,
                "a visitor returns nothing, or whether it has seen enough");
  if constexpr (std::is_void_v<Result>) {
    f(std::forward<Arguments>(arguments)...);
    return false;
  } else {
    return f(std::forward<Arguments>(arguments)...);
  }
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_VISITOR_H_
