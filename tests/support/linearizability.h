// A checker of histories. It decides whether a history can be explained:
// whether each operation can have taken effect at one moment between its
// beginning and its end, in one order that the table's contract allows.

#ifndef TESTS_SUPPORT_LINEARIZABILITY_H_
#define TESTS_SUPPORT_LINEARIZABILITY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "tests/support/history.h"

namespace haft::testing {

// Operations that cannot all have happened as recorded.
struct Contradiction {
  std::string what;
  std::vector<Event> events;

  // Returns one line that says what is wrong and one line for each operation.
  // Times count from the first beginning.
  std::string ToString() const {
    std::string text = what + "\n";
    Stamp start = kNever;
    for (const Event& event : events) start = std::min(start, event.begin);
    for (const Event& event : events) text += Line(event, start);
    return text;
  }

 private:
  static std::string Line(const Event& event, Stamp start) {
    char handle[32] = "", value[32] = "", interval[64];
    if (event.handle != 0) {
      std::snprintf(handle, sizeof(handle), " 0x%llx",
                    static_cast<unsigned long long>(event.handle));
    }
    if (event.value == Event::kTornValue) {
      std::snprintf(value, sizeof(value), " torn value");
    } else if (event.value != Event::kNoValue) {
      std::snprintf(value, sizeof(value), " value %u", event.value);
    }
    const auto after = [=](Stamp stamp) {
      return static_cast<unsigned long long>(stamp - start);
    };
    if (event.end == kNever) {
      std::snprintf(interval, sizeof(interval), "%llu..", after(event.begin));
    } else {
      std::snprintf(interval, sizeof(interval), "%llu..%llu",
                    after(event.begin), after(event.end));
    }
    return "  thread " + std::to_string(event.thread) + " at " + interval +
           ": " + Name(event.op) + handle + value + "\n";
  }

  static const char* Name(Op op) {
    switch (op) {
      case Op::kNew:
        return "made";
      case Op::kFull:
        return "table full";
      case Op::kHit:
        return "found";
      case Op::kMiss:
        return "refused";
      case Op::kDelete:
        return "deleted";
      case Op::kPin:
        return "pinned";
      case Op::kPinMiss:
        return "pin refused";
      case Op::kUnpin:
        return "unpinned";
      case Op::kDeleteAtOnce:
        return "deleted at once";
      case Op::kRefuseInUse:
        return "not deleted for being in use";
      case Op::kDestroy:
        return "destroyed";
      case Op::kScope:
        return "read scope";
    }
    return "?";
  }
};

// No search is needed. Let a handle live from n (New) to d (Delete). The
// operations say:
//
//   found over [a, b]      n <= b and a <= d
//   refused over [a, b]    a < n or d < b
//
// The finds bound n from above and d from below. The latest n and the earliest
// d within these bounds are best for the refusals and for the next handle of
// the slot. Only if the two cross must both be one moment, and then nothing is
// refused in between. The lives of a slot's handles follow one another, so a
// pass over them in the order of their generations, each as early as it can
// end, finds an explanation if there is one.
//
// "Full" needs a moment at which `capacity` slots were taken. A slot is taken
// from the beginning of New to the end of the operation that gives it back, as
// far as the slot's other handles leave room for that.
//
// An object is destroyed once, not before its Delete nor while pinned, and
// before the last of Delete and its pins returns. A refused pin may have held
// it for a moment. A read scope that began before Delete returned holds it,
// too, and the list of its deferred objects may be emptied by any operation
// that began while such a scope was open.
//
// The check takes n log n steps for n events. It is for tables whose
// generations do not wrap; ByLives converts the histories of the others.
template <typename Layout>
class LinearizabilityChecker {
 public:
  static constexpr std::size_t kNoCapacity =
      std::numeric_limits<std::size_t>::max();
  enum class Kind { kValues, kObjects };
  // A thread that received a handle without synchronisation may find that it is
  // not live yet.
  enum class Refusals { kAreChecked, kAreAllowed };

  LinearizabilityChecker(std::vector<Event> history, Kind kind,
                         std::size_t capacity,
                         Refusals refusals = Refusals::kAreChecked)
      : history_(std::move(history)),
        kind_(kind),
        capacity_(capacity),
        refusals_(refusals) {}

  // Returns operations that contradict each other, or nothing if all can be
  // explained.
  std::optional<Contradiction> Check() {
    if (kind_ == Kind::kObjects) Prepare();
    std::sort(history_.begin(), history_.end(),
              [](const Event& a, const Event& b) {
                const Word x = SlotOf(a.handle), y = SlotOf(b.handle);
                if (x != y) return x < y;
                if (a.handle != b.handle) return a.handle < b.handle;
                return a.begin < b.begin;
              });
    const Event* const end = history_.data() + history_.size();
    // The events that name no handle come first.
    const Event* at = history_.data();
    const Event* const unnamed = at;
    while (at != end && at->handle == 0) ++at;
    const Event* const named = at;
    for (const Event* event = unnamed; event != named; ++event) {
      if (event->op == Op::kDestroy)
        Contradict("destroyed an object that was never made", {event});
    }
    while (at != end && !found_) {
      const Event* const slot = at;
      while (at != end && SlotOf(at->handle) == SlotOf(slot->handle)) ++at;
      CheckSlot(slot, at);
    }
    if (!found_ && capacity_ != kNoCapacity) CheckFull(unnamed, named);
    return std::move(found_);
  }

 private:
  // A bound on a moment, and the operation it comes from.
  struct Bound {
    Stamp at;
    const Event* from;

    void Raise(Stamp stamp, const Event* event) {
      if (stamp > at) *this = {stamp, event};
    }
    void Lower(Stamp stamp, const Event* event) {
      if (stamp < at) *this = {stamp, event};
    }
  };

  // Intervals in the order of their beginnings, each with the latest end so
  // far.
  class Intervals {
   public:
    void Add(Stamp begin, Stamp end) { ends_.push_back({begin, end}); }
    void Sort() {
      std::sort(ends_.begin(), ends_.end());
      Stamp latest = 0;
      for (auto& interval : ends_)
        interval.second = latest = std::max(latest, interval.second);
    }
    // Returns the latest end of those that begin no later than `stamp`, or 0 if
    // none does.
    Stamp LatestEnd(Stamp stamp) const {
      const auto after = std::upper_bound(ends_.begin(), ends_.end(),
                                          std::make_pair(stamp, kNever));
      return after == ends_.begin() ? 0 : std::prev(after)->second;
    }

   private:
    std::vector<std::pair<Stamp, Stamp>> ends_;
  };

  static Word SlotOf(Word handle) {
    return handle == 0 ? 0 : Layout::Index::Decode(handle) + 1;
  }
  static bool IsDelete(Op op) {
    return op == Op::kDelete || op == Op::kDeleteAtOnce;
  }
  static bool FindsLive(Op op) {
    return op == Op::kHit || op == Op::kPin || op == Op::kRefuseInUse;
  }

  void Contradict(std::string what, std::vector<const Event*> events) {
    if (found_) return;
    found_.emplace();
    found_->what = std::move(what);
    for (const Event* event : events) {
      if (event != nullptr) found_->events.push_back(*event);
    }
  }

  // Gives each destruction the handle of its object, which was made with that
  // value, and collects the operations that may hold any object.
  void Prepare() {
    std::vector<std::pair<std::uint32_t, Word>> made;
    for (const Event& event : history_) {
      if (event.op == Op::kNew) made.push_back({event.value, event.handle});
      if (event.op == Op::kScope) scopes_.Add(event.begin, event.end);
      if (event.op == Op::kScope || IsDelete(event.op))
        helpers_.Add(event.begin, event.end);
    }
    std::sort(made.begin(), made.end());
    scopes_.Sort();
    helpers_.Sort();
    for (Event& event : history_) {
      if (event.op != Op::kDestroy) continue;
      const auto of = std::lower_bound(made.begin(), made.end(),
                                       std::make_pair(event.value, Word{0}));
      if (of != made.end() && of->first == event.value)
        event.handle = of->second;
    }
  }

  // All handles of one slot, in the order of their generations.
  void CheckSlot(const Event* at, const Event* end) {
    Bound last{0, nullptr};
    taken_.clear();
    while (at != end && !found_) {
      const Event* const first = at;
      while (at != end && at->handle == first->handle) ++at;
      CheckHandle(first, at, &last);
    }
    // No handle outlasts the next ones.
    for (std::size_t i = taken_.size(); i-- > 1;)
      taken_[i - 1].second = std::min(taken_[i - 1].second, taken_[i].second);
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      const bool starts = i == 0 || taken_[i].first > taken_[i - 1].second;
      const bool stops =
          i + 1 == taken_.size() || taken_[i + 1].first > taken_[i].second;
      if (starts) changes_.push_back({taken_[i].first, kTaken});
      if (stops) changes_.push_back({taken_[i].second, kGivenBack});
    }
  }

  // `last` is the earliest moment at which the slot's last handle can have
  // ended, and becomes that of this one.
  void CheckHandle(const Event* first, const Event* end, Bound* last) {
    const Event *made = nullptr, *ended = nullptr, *destroyed = nullptr;
    for (const Event* event = first; event != end; ++event) {
      if (event->op == Op::kNew) {
        if (made) return Contradict("one handle made twice", {made, event});
        made = event;
      } else if (IsDelete(event->op)) {
        if (ended)
          return Contradict("one handle deleted twice", {ended, event});
        ended = event;
      } else if (event->op == Op::kDestroy) {
        if (destroyed)
          return Contradict("one object destroyed twice", {destroyed, event});
        destroyed = event;
      }
    }
    Bound latest_new{kNever, made}, earliest_end{kNever, nullptr};
    if (made) latest_new = {made->end, made};
    if (ended) earliest_end = {ended->begin, ended};
    for (const Event* event = first; event != end; ++event) {
      if (!FindsLive(event->op) && event != ended) continue;
      if (!made) return Contradict("live, but never made", {event});
      if (event->value != Event::kNoValue && event->value != made->value)
        return Contradict("two values of one handle", {made, event});
      if (event == ended) continue;
      // A New without a known end: its own thread may see it early.
      if (made->end != kNever || event->thread != made->thread)
        latest_new.Lower(event->end, event);
      if (ended) earliest_end.Raise(event->begin, event);
    }
    if (!made) return;
    Stamp gone = ended ? ended->end : kNever;
    if (kind_ == Kind::kObjects) {
      gone = CheckObject(first, end, made, ended, destroyed);
      if (found_) return;
    }
    taken_.push_back({std::max(made->begin, last->at), gone});

    // No end may be later than this.
    Bound latest_end{kNever, nullptr};
    if (ended) latest_end = {ended->end, ended};
    if (destroyed) latest_end.Lower(destroyed->begin, destroyed);

    if (latest_new.at < made->begin)
      return Contradict("live before it was made", {made, latest_new.from});
    if (latest_new.at < last->at || last->at == kNever) {
      return Contradict("made while the slot's last handle was live",
                        {last->from, latest_new.from});
    }
    if (latest_end.at < earliest_end.at) {
      return Contradict("live after it was deleted",
                        {latest_end.from, earliest_end.from});
    }
    if (latest_end.at < made->begin)
      return Contradict("deleted before it was made", {made, latest_end.from});
    if (latest_new.at <= earliest_end.at) {
      for (const Event* event = first; event != end; ++event) {
        if (event->op != Op::kMiss && event->op != Op::kPinMiss) continue;
        if (refusals_ == Refusals::kAreAllowed) continue;
        if (event->begin > latest_new.at && event->end < earliest_end.at) {
          return Contradict("refused while it was live",
                            {latest_new.from, event, earliest_end.from});
        }
      }
      *last = {earliest_end.at, ended ? earliest_end.from : made};
    } else {
      // A life of one moment, as early as can be.
      last->Raise(made->begin, made);
      last->Raise(earliest_end.at, earliest_end.from);
      if (latest_end.at < last->at) {
        return Contradict("made while the slot's last handle was live",
                          {last->from, latest_end.from});
      }
    }
    if (destroyed) last->Raise(destroyed->end, destroyed);
  }

  // Returns when the slot of an object must have been given back by the
  // operation that destroyed it. This may be later than the return of a call
  // that waits for the destruction.
  Stamp CheckObject(const Event* first, const Event* end, const Event* made,
                    const Event* ended, const Event* destroyed) {
    Bound last_unpin{0, nullptr};
    holds_.clear();
    for (const Event* event = first; event != end; ++event) {
      if (event->op == Op::kUnpin) last_unpin.Raise(event->begin, event);
      if (event->op == Op::kPin || event->op == Op::kPinMiss)
        holds_.push_back({event->begin, kTaken});
      if (event->op == Op::kUnpin || event->op == Op::kPinMiss)
        holds_.push_back({event->end, kGivenBack});
    }
    std::sort(holds_.begin(), holds_.end());
    for (const Event* event = first; event != end; ++event) {
      if (event->op == Op::kRefuseInUse && !IsHeld(*event))
        Contradict("not deleted for being in use, but nothing used it",
                   {event});
    }
    if (!ended) {
      if (destroyed)
        Contradict("destroyed, but not deleted", {made, destroyed});
      return kNever;
    }
    if (!destroyed) {
      Contradict("deleted, but never destroyed", {ended});
      return kNever;
    }
    if (destroyed->begin < ended->begin)
      Contradict("destroyed before it was deleted", {destroyed, ended});
    if (destroyed->begin < last_unpin.at)
      Contradict("destroyed while it was pinned", {destroyed, last_unpin.from});

    Bound gone{ended->end, ended};
    for (const Event* event = first; event != end; ++event) {
      // A pin that began after Delete returned cannot have held the object.
      if (event->op == Op::kUnpin ||
          (event->op == Op::kPinMiss && event->begin <= ended->end))
        gone.Raise(event->end, event);
    }
    const Stamp scopes = scopes_.LatestEnd(ended->end);
    if (scopes != 0 && scopes >= ended->begin) {
      gone.Raise(scopes, ended);
      // These may be the operation that defers it to a scope which is about to
      // end, and the operation that takes it from there.
      for (int i = 0; i < 2; ++i)
        gone.Raise(helpers_.LatestEnd(gone.at), ended);
    }
    if (destroyed->end > gone.at) {
      Contradict("destroyed later than when the last that held it had returned",
                 {ended, gone.from != ended ? gone.from : nullptr, destroyed});
    }
    if (ended->op == Op::kDeleteAtOnce && destroyed->end > ended->end) {
      Contradict("destroyed later than when Delete had returned",
                 {ended, destroyed});
    }
    return gone.at;
  }

  // Whether something may have held the object at a moment of `event`.
  bool IsHeld(const Event& event) const {
    const Stamp scopes = scopes_.LatestEnd(event.end);
    if (scopes != 0 && scopes >= event.begin) return true;
    std::int64_t held = 0;
    for (const auto& [at, change] : holds_) {
      if (at > event.end) break;
      // An object that is given back at a moment was held at that moment.
      if (held > 0 && at >= event.begin) return true;
      held += change == kTaken ? 1 : -1;
    }
    return held > 0;
  }

  void CheckFull(const Event* first, const Event* end) {
    std::sort(changes_.begin(), changes_.end());
    // The intervals in which the whole capacity can have been taken, in order.
    std::vector<std::pair<Stamp, Stamp>> full;
    std::size_t taken = 0;
    if (capacity_ == 0) full.push_back({0, kNever});
    for (const auto& [at, change] : changes_) {
      if (change == kTaken) {
        if (++taken == capacity_) full.push_back({at, kNever});
      } else if (taken-- == capacity_) {
        full.back().second = at;
      }
    }
    for (const Event* event = first; event != end; ++event) {
      if (event->op != Op::kFull) continue;
      const auto reached = std::lower_bound(
          full.begin(), full.end(), event->begin,
          [](const auto& when, Stamp begin) { return when.second < begin; });
      if (reached != full.end() && reached->first <= event->end) continue;
      return Contradict("full while no more than " +
                            std::to_string(MostTaken(*event)) + " of " +
                            std::to_string(capacity_) + " were taken",
                        {event});
    }
  }

  std::size_t MostTaken(const Event& event) const {
    std::size_t taken = 0, most = 0;
    for (const auto& [at, change] : changes_) {
      if (at > event.end) break;
      if (at >= event.begin) most = std::max(most, taken);
      taken += change == kTaken ? 1 : -1;
    }
    return std::max(most, taken);
  }

  // Takings come before givings-back of the same moment, so that they overlap.
  enum Change : unsigned char { kTaken, kGivenBack };
  using Changes = std::vector<std::pair<Stamp, Change>>;

  std::vector<Event> history_;
  const Kind kind_;
  const std::size_t capacity_;
  const Refusals refusals_;
  std::optional<Contradiction> found_;
  Intervals scopes_, helpers_;
  std::vector<std::pair<Stamp, Stamp>> taken_;  // of one slot
  Changes holds_;                               // of one handle
  Changes changes_;
};

// Returns the history as if each life of a handle had a slot of its own. If
// handles are issued again, their values tell the lives apart. The order of a
// slot's lives is not checked. Refusals are left out, because they return no
// value, and so are the finds of Value, which may return parts of two values if
// a whole cycle of generations passes during the call.
using LifeLayout = HandleLayout<28, 3>;
inline std::vector<Event> ByLives(std::vector<Event> history) {
  const auto last =
      std::remove_if(history.begin(), history.end(), [](const Event& event) {
        return event.op == Op::kMiss || event.op == Op::kHit;
      });
  history.erase(last, history.end());
  for (Event& event : history) {
    if (event.op != Op::kFull) event.handle = LifeLayout::Make(1, event.value);
  }
  return history;
}

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_LINEARIZABILITY_H_
