// Workloads that keep a scope open over several operations.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_SCOPES_H_
#define HAFT_BENCH_WORKER_WORKLOADS_SCOPES_H_

#include <cstddef>

#include "bench/worker/drawing_task.h"
#include "bench/worker/held_pin.h"
#include "bench/worker/workloads/mixes.h"

namespace haft::study {

// Each step opens a scope, does `hold` look-ups in it, and closes it: of live
// handles, or of deleted ones. The scope is paced and timed as a whole, and its
// look-ups are not.
template <typename T, typename V, bool kStale>
class ScopedLookUps : public Drawing<T, V> {
 public:
  explicit ScopedLookUps(const Request& request)
      : Drawing<T, V>(request, Cells::kShared, 0, kStale) {}

  template <typename Observer>
  class Thread final : public DrawingTask<T, V, Observer> {
   public:
    using DrawingTask<T, V, Observer>::DrawingTask;

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      Draws::Cursor draws = this->cursor();
      const Objects objects = this->stock().objects();
      const Key* const keys =
          kStale ? this->stock().stale().data() : this->stock().keys().data();
      const std::size_t hold = this->context().request.hold;
      for (std::size_t step = 0; step < steps; ++step) {
        const auto begin = calls.observer().Begin();
        {
          ScopeHolder<T> scope(calls.table(), calls.session());
          for (std::size_t i = 0; i < hold; ++i) {
            const std::size_t cell = draws.Next().cell();
            if constexpr (kStale) {
              FindStaleIn(scope, calls, keys[cell]);
            } else {
              FindIn(scope, calls, {keys[cell], objects[cell]});
            }
          }
        }
        calls.observer().End(begin, Kind::kScope);
      }
      this->set_cursor(draws);
      calls.tally().Attempted(kStale ? Kind::kStale : Kind::kFind,
                              steps * hold);
      calls.tally().Attempted(Kind::kScope, steps);
    }
  };
};

template <typename T, typename V>
using Scopes = ScopedLookUps<T, V, false>;
template <typename T, typename V>
using StaleScopes = ScopedLookUps<T, V, true>;

// Each step opens a scope, does `hold` steps of a mix in it, each thread on its
// own share of the handles, and closes it. The scope is paced and timed as a
// whole, and its operations are not.
template <typename T, typename V>
class MixedScopes : public Drawing<T, V> {
 public:
  // An object that is deleted in a scope may take up its place until the scope
  // is closed.
  explicit MixedScopes(const Request& request)
      : Drawing<T, V>(request, Cells::kOwn, request.hold,
                      WantsStaleKeys<T>(request)) {}

  template <typename Observer>
  class Thread final : public DrawingTask<T, V, Observer> {
   public:
    using DrawingTask<T, V, Observer>::DrawingTask;

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      Draws::Cursor draws = this->cursor();
      const Objects objects = this->stock().objects();
      Key* const keys = this->stock().keys().data();
      const Key* const stale = this->stock().stale().data();
      const std::size_t first = this->first_cell();
      const std::size_t hold = this->context().request.hold;
      std::size_t updates = 0;
      std::size_t stale_look_ups = 0;
      std::size_t replaced = 0;
      for (std::size_t step = 0; step < steps; ++step) {
        const auto begin = calls.observer().Begin();
        {
          ScopeHolder<T> scope(calls.table(), calls.session());
          for (std::size_t i = 0; i < hold; ++i) {
            const Draw draw = draws.Next();
            const std::size_t cell = first + draw.cell();
            if (draw.step() == Step::kFind) {
              FindIn(scope, calls, {keys[cell], objects[cell]});
            } else if (draw.step() == Step::kStale) {
              ++stale_look_ups;
              FindStaleIn(scope, calls, stale[cell]);
            } else {
              ++updates;
              replaced += Replace(calls, objects[cell], &keys[cell]);
            }
          }
        }
        calls.observer().End(begin, Kind::kScope);
      }
      this->set_cursor(draws);
      TallyMix(calls.tally(), steps * hold, stale_look_ups, updates, replaced);
      calls.tally().Attempted(Kind::kScope, steps);
    }

   private:
    // Returns 1 if there was room for the new handle, else 0.
    [[gnu::always_inline]] static std::size_t Replace(
        Calls<T, V, Observer>& calls, std::uintptr_t object, Key* key) {
      const Key made = call::New<T, const V&>(calls.table(), calls.session(),
                                              MakeValue<V>(object));
      if (__builtin_expect(made == kNoKey, 0)) {
        calls.tally().Failed(Kind::kNew);
        return 0;
      }
      if (!call::Delete<T, Key>(calls.table(), calls.session(), *key))
        calls.tally().Answered(Wrong::kNotDeleted);
      *key = made;
      return 1;
    }
  };
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_SCOPES_H_
