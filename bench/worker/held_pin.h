// Pins and scopes of a table, in whichever form it has them.

#ifndef HAFT_BENCH_WORKER_HELD_PIN_H_
#define HAFT_BENCH_WORKER_HELD_PIN_H_

#include <new>
#include <type_traits>
#include <utility>

#include "bench/worker/calls.h"
#include "bench/worker/members.h"

namespace haft::study {

// A place for a pin, which is constructed in place, so that a pin that is held
// for a moment stays in registers. The owner must let go.
template <typename T>
class HeldPin {
  using Pin = PinOf<T>;

 public:
  bool holds() const { return holds_; }
  auto value() { return pin()->value(); }

  // Returns false if the handle is not live.
  [[gnu::always_inline]] bool Take(T& table, SessionOf<T>& session, Key key) {
    new (place_) Pin(call::Pin<T, Key>(table, session, key));
    holds_ = static_cast<bool>(*pin());
    if (!holds_) pin()->~Pin();
    return holds_;
  }
  [[gnu::always_inline]] void LetGo([[maybe_unused]] T& table,
                                    [[maybe_unused]] SessionOf<T>& session) {
    if constexpr (kHasUnpin<T, Pin&>)
      call::Unpin<T, Pin&>(table, session, *pin());
    pin()->~Pin();
    holds_ = false;
  }

 private:
  Pin* pin() { return std::launder(reinterpret_cast<Pin*>(place_)); }

  // Zero, although nobody reads that, so that no compiler warns.
  alignas(Pin) unsigned char place_[sizeof(Pin)] = {};
  bool holds_ = false;
};

// Pins a live handle and checks its value. Returns whether it is pinned.
template <typename T, typename V, typename Observer>
[[gnu::always_inline]] inline bool TakePin(Calls<T, V, Observer>& calls,
                                           const Stored& stored,
                                           HeldPin<T>& pin) {
  const auto begin = calls.observer().Begin();
  const bool pinned = pin.Take(calls.table(), calls.session(), stored.key);
  calls.observer().End(begin, Kind::kPin);
  if (__builtin_expect(!pinned, 0)) {
    calls.tally().Answered(Wrong::kNotFound);
  } else {
    calls.Check(pin.value(), stored.address);
  }
  return pinned;
}

template <typename T, typename V, typename Observer>
[[gnu::always_inline]] inline void LetGo(Calls<T, V, Observer>& calls,
                                         HeldPin<T>& pin) {
  if (__builtin_expect(!pin.holds(), 0)) return;
  const auto begin = calls.observer().Begin();
  pin.LetGo(calls.table(), calls.session());
  calls.observer().End(begin, Kind::kUnpin);
}

// A scope of a table, made of a session or of the table. Look-ups go through
// the scope if that can look up.
template <typename T>
class ScopeHolder {
  using Scope = typename T::Scope;
  static constexpr bool kOfSession =
      std::is_constructible_v<Scope, SessionOf<T>&>;
  using Of = std::conditional_t<kOfSession, SessionOf<T>, T>;
  template <typename S, typename V>
  using FindExpression =
      decltype(std::declval<S&>().Find(Key{}, static_cast<V*>(nullptr)));

 public:
  ScopeHolder(T& table, SessionOf<T>& session)
      : table_(table), session_(session), scope_(Choose(table, session)) {}

  template <typename V>
  [[gnu::always_inline]] bool Find(Key key, V* value) {
    if constexpr (kIsWellFormed<FindExpression, Scope, V>) {
      return scope_.Find(key, value);
    } else {
      return call::Find<T, Key, V*>(table_, session_, key, value);
    }
  }

 private:
  static Of& Choose([[maybe_unused]] T& table,
                    [[maybe_unused]] SessionOf<T>& session) {
    if constexpr (kOfSession) {
      return session;
    } else {
      return table;
    }
  }

  T& table_;
  SessionOf<T>& session_;
  Scope scope_;
};

// Looks up a live handle in a scope, without pacing.
template <typename T, typename V, typename Observer>
[[gnu::always_inline]] inline void FindIn(ScopeHolder<T>& scope,
                                          Calls<T, V, Observer>& calls,
                                          const Stored& stored) {
  V value{};  // as in Calls::Find
  if (__builtin_expect(!scope.Find(stored.key, &value), 0)) {
    calls.tally().Answered(Wrong::kNotFound);
  } else {
    calls.Check(value, stored.address);
  }
}

// Looks up a deleted handle, likewise.
template <typename T, typename V, typename Observer>
[[gnu::always_inline]] inline void FindStaleIn(ScopeHolder<T>& scope,
                                               Calls<T, V, Observer>& calls,
                                               Key key) {
  V value{};  // as in Calls::Find
  if (__builtin_expect(scope.Find(key, &value), 0))
    calls.tally().Answered(Wrong::kStaleFound);
}

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_HELD_PIN_H_
