// Tests of the checker of histories, and of the logs and clocks it depends on.
//
//   Rules            what the checker says about each kind of wrong history
//   Search           the checker agrees with a search over all orders of small
//                    random histories
//   Seeded faults    the checker catches known faults, of tables of values and
//                    of tables of objects
//   Clock and log    stamps do not go back between threads; a log keeps what it
//                    was told

#include "tests/support/linearizability.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "tests/support/history.h"

namespace haft::testing {
namespace {

using Layout = HandleLayout<2, 8>;
using Checker = LinearizabilityChecker<Layout>;
using Kind = Checker::Kind;

constexpr Word Make(Word generation, Word slot) {
  return Layout::Make(generation, slot);
}

std::string Text(const std::optional<Contradiction>& contradiction) {
  return contradiction ? contradiction->ToString() : "";
}
// Returns what is wrong; the empty string if nothing is.
std::string Verdict(std::vector<Event> history, Kind kind = Kind::kValues,
                    std::size_t capacity = Checker::kNoCapacity) {
  return Text(Checker(std::move(history), kind, capacity).Check());
}
std::string VerdictByLives(std::vector<Event> history, std::size_t capacity) {
  using LifeChecker = LinearizabilityChecker<LifeLayout>;
  return Text(LifeChecker(ByLives(std::move(history)),
                          LifeChecker::Kind::kValues, capacity)
                  .Check());
}
// Returns `verdict` without the times of real clocks.
std::string Timeless(std::string verdict) {
  std::size_t at;
  while ((at = verdict.find(" at ")) != std::string::npos)
    verdict.erase(at, verdict.find(':', at) - at);
  return verdict;
}

// ---------------------------------------------------------------------------
// Rules

constexpr Word kA = Make(1, 0), kB = Make(2, 0), kC = Make(1, 1);
constexpr std::uint32_t kNoValue = Event::kNoValue;

// Events of a table of values.
Event New(Stamp begin, Stamp end, Word handle, std::uint32_t value,
          std::uint16_t thread = 0) {
  return {begin, end, handle, value, thread, Op::kNew};
}
Event Hit(Stamp begin, Stamp end, Word handle, std::uint32_t value,
          std::uint16_t thread = 1) {
  return {begin, end, handle, value, thread, Op::kHit};
}
Event Miss(Stamp begin, Stamp end, Word handle, std::uint16_t thread = 1) {
  return {begin, end, handle, kNoValue, thread, Op::kMiss};
}
Event Delete(Stamp begin, Stamp end, Word handle, std::uint32_t value,
             std::uint16_t thread = 0) {
  return {begin, end, handle, value, thread, Op::kDelete};
}

// A history of values and the verdict on it, which names the operations that
// contradict one another.
struct RuleCase {
  const char* name;
  std::vector<Event> history;
  std::string verdict;
};
void PrintTo(const RuleCase& rule, std::ostream* out) { *out << rule.name; }

class RuleTest : public ::testing::TestWithParam<RuleCase> {};

TEST_P(RuleTest, VerdictNamesTheContradiction) {
  EXPECT_EQ(Verdict(GetParam().history), GetParam().verdict);
}

const RuleCase kRules[] = {
    {"EmptyHistoryIsLegal", {}, ""},
    {"LivesThatFollowOneAnotherAreLegal",
     {New(0, 10, kA, 7), Miss(0, 10, kA), Hit(5, 20, kA, 7),
      Delete(20, 30, kA, 7), Miss(25, 40, kA), New(25, 40, kB, 8, 1),
      Miss(41, 42, kA)},
     ""},
    {"HandleIsMadeOnce",
     {New(0, 1, kA, 7), New(2, 3, kA, 8, 1)},
     "one handle made twice\n"
     "  thread 0 at 0..1: made 0x9 value 7\n"
     "  thread 1 at 2..3: made 0x9 value 8\n"},
    {"HandleIsDeletedOnce",
     {New(0, 1, kA, 7), Delete(2, 5, kA, 7), Delete(2, 5, kA, 7, 1)},
     "one handle deleted twice\n"
     "  thread 0 at 0..3: deleted 0x9 value 7\n"
     "  thread 1 at 0..3: deleted 0x9 value 7\n"},
    {"LiveHandleWasMade",
     {Hit(2, 3, kA, 7)},
     "live, but never made\n"
     "  thread 1 at 0..1: found 0x9 value 7\n"},
    {"LiveHandleWasMadeBefore",
     {Hit(0, 1, kA, 7), New(2, 3, kA, 7)},
     "live before it was made\n"
     "  thread 0 at 2..3: made 0x9 value 7\n"
     "  thread 1 at 0..1: found 0x9 value 7\n"},
    {"HandleHasOneValue",
     {New(0, 1, kA, 7), Hit(2, 3, kA, Event::kTornValue)},
     "two values of one handle\n"
     "  thread 0 at 0..1: made 0x9 value 7\n"
     "  thread 1 at 2..3: found 0x9 torn value\n"},
    {"NothingIsLiveAfterItsDelete",
     {New(0, 1, kA, 7), Delete(2, 3, kA, 7), Hit(4, 5, kA, 7)},
     "live after it was deleted\n"
     "  thread 0 at 0..1: deleted 0x9 value 7\n"
     "  thread 1 at 2..3: found 0x9 value 7\n"},
    // A handle is live from the end of New, if it is not deleted.
    {"NothingIsRefusedWhileLive",
     {New(0, 1, kA, 7), Miss(2, 3, kA)},
     "refused while it was live\n"
     "  thread 0 at 0..1: made 0x9 value 7\n"
     "  thread 1 at 2..3: refused 0x9\n"},
    {"NothingIsRefusedBetweenTwoFinds",
     {New(0, 9, kA, 7), Miss(2, 3, kA), Hit(0, 1, kA, 7, 2),
      Hit(4, 9, kA, 7, 3), Delete(1, 9, kA, 7)},
     "refused while it was live\n"
     "  thread 2 at 0..1: found 0x9 value 7\n"
     "  thread 1 at 2..3: refused 0x9\n"
     "  thread 3 at 4..9: found 0x9 value 7\n"},
    {"NewOfASlotFollowsTheDeleteOfItsLastHandle",
     {New(0, 1, kA, 7), New(2, 3, kB, 8, 1)},
     "made while the slot's last handle was live\n"
     "  thread 0 at 0..1: made 0x9 value 7\n"
     "  thread 1 at 2..3: made 0x11 value 8\n"},
    {"LivesOfASlotDoNotOverlap",
     {New(0, 1, kA, 7), New(0, 3, kB, 8, 1), Delete(4, 5, kA, 7)},
     "made while the slot's last handle was live\n"
     "  thread 0 at 4..5: deleted 0x9 value 7\n"
     "  thread 1 at 0..3: made 0x11 value 8\n"},
    // Each pair may overlap, and still three lives cannot follow one another.
    {"ThreeLivesOfASlotDoNotOverlap",
     {New(0, 9, kA, 7), Delete(8, 9, kA, 7), New(0, 9, kB, 8, 1),
      Delete(0, 9, kB, 8, 1), New(0, 7, Make(3, 0), 9, 2)},
     "made while the slot's last handle was live\n"
     "  thread 0 at 8..9: deleted 0x9 value 7\n"
     "  thread 2 at 0..7: made 0x19 value 9\n"},
    // The thread that made the handle may find it before others can.
    {"NewWithoutAKnownEndIsNotSeenByOthersAtItsOwnThreadsFind",
     {New(0, kNever, kA, 7), Hit(2, 3, kA, 7, 0), Miss(4, 5, kA)},
     ""},
    {"NewWithoutAKnownEndIsSeenByOthersAtTheFirstFindOfAnother",
     {New(0, kNever, kA, 7), Hit(2, 3, kA, 7, 2), Miss(4, 5, kA)},
     "refused while it was live\n"
     "  thread 2 at 0..1: found 0x9 value 7\n"
     "  thread 1 at 2..3: refused 0x9\n"},
};
INSTANTIATE_TEST_SUITE_P(Checker, RuleTest, ::testing::ValuesIn(kRules),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

TEST(LinearizabilityCheckerTest, FullNeedsAFullTable) {
  std::vector<Event> history = {
      New(0, 5, kA, 7),
      {2, 9, 0, kNoValue, 1, Op::kFull},
  };
  EXPECT_EQ(Verdict(history, Kind::kValues, 1), "");
  EXPECT_EQ(Verdict(history, Kind::kValues, 2),
            "full while no more than 1 of 2 were taken\n"
            "  thread 1 at 0..7: table full\n");
  // Two handles of one slot take one place.
  history.push_back(Delete(1, 5, kA, 7));
  history.push_back(New(1, 5, kB, 7));
  EXPECT_NE(Verdict(history, Kind::kValues, 2), "");
  // Handles of two slots were never live at the same time.
  history.push_back(Delete(6, 7, kB, 7));
  history.push_back(New(8, 9, kC, 7));
  EXPECT_NE(Verdict(history, Kind::kValues, 2), "");
  history.back().begin = 7;
  EXPECT_EQ(Verdict(history, Kind::kValues, 2), "");
}

TEST(LinearizabilityCheckerTest,
     LivesMayShareAHandleWhereGenerationsStartOver) {
  std::vector<Event> history = {
      New(0, 1, kA, 7),
      Delete(2, 3, kA, 7),
      Miss(4, 5, kA),
      New(6, 7, kA, 8),
      Hit(8, 9, kA, Event::kTornValue),
  };
  EXPECT_EQ(VerdictByLives(history, 2), "");
  EXPECT_NE(Verdict(history), "");
  history.push_back(Delete(10, 11, kA, Event::kTornValue, 1));
  EXPECT_EQ(Timeless(VerdictByLives(history, 2)),
            "live, but never made\n"
            "  thread 1: deleted 0x3ffffffd torn value\n");
  history.back() = Delete(5, 5, kA, 8, 1);
  EXPECT_EQ(VerdictByLives(history, 2),
            "deleted before it was made\n"
            "  thread 0 at 1..2: made 0x20000011 value 8\n"
            "  thread 1 at 0..0: deleted 0x20000011 value 8\n");
}

// An object that is pinned from 2 to 8, deleted from 4 to 5 and destroyed by
// the unpin.
const std::vector<Event> kPinnedLife = {New(0, 1, kA, 7),
                                        {2, 3, kA, 7, 1, Op::kPin},
                                        {4, 5, kA, kNoValue, 0, Op::kDelete},
                                        {6, 9, kA, kNoValue, 1, Op::kUnpin},
                                        {7, 8, 0, 7, 1, Op::kDestroy}};

std::string ObjectVerdict(std::vector<Event> history, const Event& more) {
  history.push_back(more);
  return Verdict(std::move(history), Kind::kObjects);
}

TEST(LinearizabilityCheckerTest, ObjectIsDestroyedOnceAndAfterItsDelete) {
  auto life = kPinnedLife;
  EXPECT_EQ(Verdict(life, Kind::kObjects), "");
  EXPECT_EQ(ObjectVerdict(life, {9, 9, 0, 7, 0, Op::kDestroy}),
            "one object destroyed twice\n"
            "  thread 1 at 0..1: destroyed 0x9 value 7\n"
            "  thread 0 at 2..2: destroyed 0x9 value 7\n");
  EXPECT_EQ(ObjectVerdict(life, {9, 9, 0, 8, 0, Op::kDestroy}),
            "destroyed an object that was never made\n"
            "  thread 0 at 0..0: destroyed value 8\n");
  life.pop_back();
  EXPECT_EQ(Verdict(life, Kind::kObjects),
            "deleted, but never destroyed\n"
            "  thread 0 at 0..1: deleted 0x9\n");
  EXPECT_EQ(ObjectVerdict(life, {3, 9, 0, 7, 0, Op::kDestroy}),
            "destroyed before it was deleted\n"
            "  thread 0 at 0..6: destroyed 0x9 value 7\n"
            "  thread 0 at 1..2: deleted 0x9\n");
  EXPECT_EQ(Verdict({life[0], {2, 3, 0, 7, 0, Op::kDestroy}}, Kind::kObjects),
            "destroyed, but not deleted\n"
            "  thread 0 at 0..1: made 0x9 value 7\n"
            "  thread 0 at 2..3: destroyed 0x9 value 7\n");
}

TEST(LinearizabilityCheckerTest, ObjectIsNotDestroyedWhilePinned) {
  auto life = kPinnedLife;
  life.back() = {5, 5, 0, 7, 0, Op::kDestroy};
  EXPECT_EQ(Verdict(life, Kind::kObjects),
            "destroyed while it was pinned\n"
            "  thread 0 at 0..0: destroyed 0x9 value 7\n"
            "  thread 1 at 1..4: unpinned 0x9\n");
}

TEST(LinearizabilityCheckerTest, LastHolderDestroysTheObject) {
  auto life = kPinnedLife;
  life.back() = {7, 10, 0, 7, 2, Op::kDestroy};
  EXPECT_EQ(Verdict(life, Kind::kObjects),
            "destroyed later than when the last that held it had returned\n"
            "  thread 0 at 0..1: deleted 0x9\n"
            "  thread 1 at 2..5: unpinned 0x9\n"
            "  thread 2 at 3..6: destroyed 0x9 value 7\n");
  // A refused pin holds the object if it began before Delete returned.
  EXPECT_EQ(ObjectVerdict(life, {5, 10, kA, kNoValue, 2, Op::kPinMiss}), "");
  EXPECT_NE(ObjectVerdict(life, {6, 10, kA, kNoValue, 2, Op::kPinMiss}), "");
  // A read scope holds it in the same way.
  EXPECT_EQ(ObjectVerdict(life, {5, 10, 0, kNoValue, 2, Op::kScope}), "");
  EXPECT_NE(ObjectVerdict(life, {6, 10, 0, kNoValue, 2, Op::kScope}), "");
  EXPECT_NE(ObjectVerdict(life, {1, 3, 0, kNoValue, 2, Op::kScope}), "");
  life[2].op = Op::kDeleteAtOnce;
  life.back() = {7, 9, 0, 7, 1, Op::kDestroy};
  EXPECT_EQ(Verdict(life, Kind::kObjects),
            "destroyed later than when Delete had returned\n"
            "  thread 0 at 0..1: deleted at once 0x9\n"
            "  thread 1 at 3..5: destroyed 0x9 value 7\n");
  life[2].end = 9;
  EXPECT_EQ(Verdict(life, Kind::kObjects), "");
}

TEST(LinearizabilityCheckerTest, RefusalForUseNeedsAUse) {
  const auto refused_over = [](Stamp begin, Stamp end) {
    auto life = kPinnedLife;
    life[2].begin = 20, life[2].end = 30;
    life.back() = {21, 21, 0, 7, 0, Op::kDestroy};
    return ObjectVerdict(life, {begin, end, kA, kNoValue, 2, Op::kRefuseInUse});
  };
  EXPECT_EQ(refused_over(1, 2), "");
  EXPECT_EQ(refused_over(4, 4), "");
  EXPECT_EQ(refused_over(9, 12), "");
  EXPECT_EQ(refused_over(10, 12),
            "not deleted for being in use, but nothing used it\n"
            "  thread 2 at 0..2: not deleted for being in use 0x9\n");
  EXPECT_NE(refused_over(1, 1), "");
}

TEST(LinearizabilityCheckerTest, SlotOfAnObjectIsReusedAfterItsDestruction) {
  EXPECT_EQ(ObjectVerdict(kPinnedLife, New(6, 7, kB, 8)),
            "made while the slot's last handle was live\n"
            "  thread 1 at 1..2: destroyed 0x9 value 7\n"
            "  thread 0 at 0..1: made 0x11 value 8\n");
  EXPECT_EQ(ObjectVerdict(kPinnedLife, New(6, 8, kB, 8)), "");
}

// ---------------------------------------------------------------------------
// Search

// Decides by trying all orders. Operations consist of steps, each of which
// comes after those that had ended before it began.
class Search {
 public:
  Search(const std::vector<Event>& history, Kind kind, std::size_t capacity)
      : kind_(kind), capacity_(capacity) {
    for (const Event& event : history) AddSteps(event, history);
    for (Step& step : steps_) {
      for (unsigned i = 0; i < steps_.size(); ++i) {
        if (steps_[i].end < step.begin) step.after |= 1u << i;
      }
    }
    tried_.resize(std::size_t{1} << steps_.size());
  }

  bool Succeeds() { return possible_ && From(0); }

 private:
  enum What {
    kTake,
    kPublish,
    kEnd,
    kGiveBack,
    kLive,
    kDead,
    kHold,
    kLetGo,
    kBeginDestruction,
    kEndDestruction,
    kBeFull
  };
  struct Step {
    What what;
    Stamp begin, end;
    Word handle;
    std::uint32_t value;
    unsigned after;
  };

  unsigned Add(What what, const Event& event, unsigned after = 0) {
    return Add(what, event, event.begin, event.end, after);
  }
  unsigned Add(What what, const Event& event, Stamp begin, Stamp end,
               unsigned after) {
    steps_.push_back({what, begin, end, event.handle, event.value, after});
    return 1u << (steps_.size() - 1);
  }

  void AddSteps(const Event& event, const std::vector<Event>& history) {
    switch (event.op) {
      case Op::kNew:
        Add(kPublish, event, Add(kTake, event));
        break;
      case Op::kHit:
        Add(kLive, event);
        break;
      case Op::kMiss:
      case Op::kPinMiss:
        Add(kDead, event);
        break;
      case Op::kDelete: {
        const unsigned ended = Add(kEnd, event);
        if (kind_ == Kind::kValues)
          Add(kGiveBack, event, ended);
        else
          AddDestruction(event, ended, history);
        break;
      }
      case Op::kPin:
        pins_.push_back(Add(kHold, event));
        break;
      case Op::kUnpin:
        // Pins and unpins come in the same order.
        Add(kLetGo, event, pins_[unpins_++]);
        break;
      case Op::kFull:
        Add(kBeFull, event);
        break;
      default:
        break;
    }
  }

  void AddDestruction(const Event& ended, unsigned after,
                      const std::vector<Event>& history) {
    Stamp gone = ended.end;
    const Event* destroyed = nullptr;
    std::uint32_t value = 0;
    for (const Event& event : history) {
      if (event.op == Op::kNew && event.handle == ended.handle)
        value = event.value;
    }
    for (const Event& event : history) {
      if (event.op == Op::kDestroy && event.value == value) destroyed = &event;
      if (event.handle == ended.handle &&
          (event.op == Op::kUnpin ||
           (event.op == Op::kPinMiss && event.begin <= ended.end)))
        gone = std::max(gone, event.end);
    }
    if (destroyed == nullptr || destroyed->end > gone) {
      possible_ = false;
      return;
    }
    after = Add(kBeginDestruction, ended, destroyed->begin, destroyed->begin,
                after);
    after = Add(kEndDestruction, ended, destroyed->end, destroyed->end, after);
    Add(kGiveBack, ended, destroyed->end, gone, after);
  }

  template <typename F>
  const Step* Find(unsigned done, F&& f) const {
    for (unsigned i = 0; i < steps_.size(); ++i) {
      if ((done & 1u << i) != 0 && f(steps_[i])) return &steps_[i];
    }
    return nullptr;
  }
  const Step* Find(unsigned done, What what, Word handle) const {
    return Find(done, [=](const Step& step) {
      return step.what == what && step.handle == handle;
    });
  }
  bool IsTaken(unsigned done, Word slot) const {
    int taken = 0;
    for (unsigned i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if ((done & 1u << i) == 0 || Layout::Index::Decode(step.handle) != slot)
        continue;
      taken += (step.what == kTake) - (step.what == kGiveBack);
    }
    return taken > 0;
  }

  bool IsPossible(const Step& step, unsigned done) const {
    const Step* const made = Find(done, kPublish, step.handle);
    const bool live = made && !Find(done, kEnd, step.handle);
    switch (step.what) {
      case kTake: {
        const Word slot = Layout::Index::Decode(step.handle);
        return !IsTaken(done, slot) && !Find(done, [&](const Step& other) {
          return other.what == kTake && other.handle >= step.handle &&
                 Layout::Index::Decode(other.handle) == slot;
        });
      }
      case kLive:
      case kHold:
      case kEnd:
        return live &&
               (step.value == Event::kNoValue || step.value == made->value);
      case kDead:
        return !live;
      case kBeginDestruction: {
        int held = 0;
        for (unsigned i = 0; i < steps_.size(); ++i) {
          if ((done & 1u << i) == 0 || steps_[i].handle != step.handle)
            continue;
          held += (steps_[i].what == kHold) - (steps_[i].what == kLetGo);
        }
        return held == 0;
      }
      case kBeFull: {
        std::size_t taken = 0;
        for (Word slot = 0; slot < Layout::kSlots; ++slot)
          taken += IsTaken(done, slot);
        return taken >= capacity_;
      }
      default:
        return true;
    }
  }

  bool From(unsigned done) {
    if (done + 1 == 1u << steps_.size()) return true;
    if (tried_[done]) return false;
    tried_[done] = true;
    for (unsigned i = 0; i < steps_.size(); ++i) {
      if ((done & 1u << i) != 0 || (steps_[i].after & ~done) != 0) continue;
      if (IsPossible(steps_[i], done) && From(done | 1u << i)) return true;
    }
    return false;
  }

  const Kind kind_;
  const std::size_t capacity_;
  bool possible_ = true;
  std::vector<Step> steps_;
  std::vector<unsigned> pins_;
  std::size_t unpins_ = 0;
  std::vector<bool> tried_;
};

// Makes small histories: calls that a table of two slots could have answered in
// some order, with random intervals around them, and mostly with a change.
class RandomHistory {
 public:
  RandomHistory(std::uint32_t seed, Kind kind) : random_(seed), kind_(kind) {}

  std::vector<Event> Next() {
    history_.clear();
    pinned_.clear();
    slots_ = {};
    time_ = 10, values_ = 0;
    const unsigned calls = 3 + Below(6);
    width_ = 1 + Below(6);
    for (unsigned i = 0; i < calls; ++i) Call();
    for (const Pinned& pin : pinned_) {
      time_ += 3;
      AddUnpin(pin);
    }
    if (Below(4) != 0) {
      for (unsigned changes = 1 + Below(3); changes > 0; --changes) Change();
    }
    return history_;
  }

 private:
  struct Slot {
    Word generation = 1;
    bool live = false;
    std::uint32_t value = 0;
    unsigned pins = 0;
    bool retired = false;
  };
  struct Pinned {
    std::size_t slot;
    Word handle;
    Stamp since;
  };

  unsigned Below(unsigned n) { return random_() % n; }

  void Add(Op op, Word handle, std::uint32_t value) {
    history_.push_back({time_ - Below(width_), time_ + Below(width_), handle,
                        value, static_cast<std::uint16_t>(history_.size()),
                        op});
  }
  void AddUnpin(const Pinned& pin) {
    Add(Op::kUnpin, pin.handle, Event::kNoValue);
    Event& unpin = history_.back();
    unpin.begin = std::max(unpin.begin, pin.since);
    unpin.end = std::max(unpin.end, unpin.begin);
    Slot& slot = slots_[pin.slot];
    if (--slot.pins == 0 && slot.retired) Destroy(slot);
  }
  void Destroy(Slot& slot) {
    history_.push_back({time_, time_ + Below(3), 0, slot.value,
                        static_cast<std::uint16_t>(history_.size()),
                        Op::kDestroy});
    slot = {slot.generation + 1};
  }

  void Call() {
    time_ += Below(6);
    const std::size_t index = Below(2);
    Slot& slot = slots_[index];
    const Word handle = Make(slot.generation, index);
    const unsigned what = Below(kind_ == Kind::kValues ? 5 : 7);
    if (what == 4) {
      if ((slots_[0].live && slots_[1].live) || Below(6) == 0)
        Add(Op::kFull, 0, Event::kNoValue);
    } else if (!slot.live) {
      if (what < 2 && !slot.retired) {
        slot.live = true;
        slot.value = ++values_;
        Add(Op::kNew, handle, slot.value);
      } else {
        Add(what == 6 ? Op::kPinMiss : Op::kMiss, handle, Event::kNoValue);
      }
    } else if (what < 2) {
      Add(Op::kHit, handle, slot.value);
    } else if (what < 4) {
      slot.live = false;
      if (kind_ == Kind::kValues) {
        Add(Op::kDelete, handle, slot.value);
        slot = {slot.generation + 1};
        return;
      }
      Add(Op::kDelete, handle, Event::kNoValue);
      slot.retired = true;
      if (slot.pins == 0) Destroy(slot);
    } else if (pinned_.empty() || what == 5) {
      Add(Op::kPin, handle, slot.value);
      pinned_.push_back({index, handle, history_.back().end});
      ++slot.pins;
    } else {
      // In the order of the pins, as Search expects.
      const Pinned pin = pinned_.front();
      pinned_.erase(pinned_.begin());
      AddUnpin(pin);
    }
  }

  void Change() {
    if (history_.empty()) return;
    Event& event = history_[Below(static_cast<unsigned>(history_.size()))];
    // Pins and unpins stay pairs.
    const bool is_pair = event.op == Op::kPin || event.op == Op::kUnpin;
    switch (Below(5)) {
      case 0:
        if (event.op != Op::kUnpin) {
          event.begin -= std::min<Stamp>(event.begin, Below(10));
        }
        break;
      case 1:
        if (event.op != Op::kPin) event.end += Below(10);
        break;
      case 2:
        event.begin +=
            Below(static_cast<unsigned>(event.end - event.begin) + 1);
        event.end -= Below(static_cast<unsigned>(event.end - event.begin) + 1);
        break;
      case 3:
        if (event.op == Op::kHit || event.op == Op::kMiss) {
          event.op = event.op == Op::kHit ? Op::kMiss : Op::kHit;
          event.value = Event::kNoValue;
        }
        break;
      case 4:
        if (!is_pair && event.handle != 0) {
          event.handle = Make(1 + Below(3), Below(2));
        }
        break;
    }
  }

  std::minstd_rand random_;
  const Kind kind_;
  std::vector<Event> history_;
  std::vector<Pinned> pinned_;
  std::array<Slot, 2> slots_;
  Stamp time_ = 0;
  unsigned width_ = 1;
  std::uint32_t values_ = 0;
};

std::string Describe(const std::vector<Event>& history) {
  Contradiction all{"history", history};
  return all.ToString();
}

void ExpectAgreement(Kind kind, std::size_t histories) {
  RandomHistory random(12345, kind);
  std::size_t legal = 0;
  for (std::size_t i = 0; i < histories; ++i) {
    const std::vector<Event> history = random.Next();
    const bool expected = Search(history, kind, 2).Succeeds();
    const auto contradiction = Checker(history, kind, 2).Check();
    legal += expected;
    ASSERT_EQ(!contradiction.has_value(), expected)
        << Describe(history)
        << (contradiction ? contradiction->ToString() : "");
    // The events that are reported contradict one another by themselves.
    if (contradiction) {
      ASSERT_GE(contradiction->events.size(), 1u);
      ASSERT_LE(contradiction->events.size(), 3u);
    }
  }
  EXPECT_GT(legal, histories / 5);
  EXPECT_LT(legal, histories / 5 * 4);
}

constexpr std::size_t kHistories = 300000;

TEST(LinearizabilityCheckerTest, AgreesWithASearchAboutValues) {
  ExpectAgreement(Kind::kValues, kHistories);
}

TEST(LinearizabilityCheckerTest, AgreesWithASearchAboutObjects) {
  ExpectAgreement(Kind::kObjects, kHistories);
}

// ---------------------------------------------------------------------------
// Seeded faults: tables of values

enum class Fault {
  kNone,
  kNoGeneration,     // a slot's handles are all the same
  kHandleTwice,      // New's taking of a handle is a load and a store
  kDeleteNotAtomic,  // Delete's end of a handle is a load and a store
  kNoSecondLook,     // Value does not check again after reading the value
  kEarlyFree,        // Delete frees the slot before it has ended the handle
  kLatePublication,  // New returns before the handle is live
  kLostSlot,         // a Delete that loses a race keeps the slot
};

// A table of two slots that is correct except for one fault. Each call stops
// once in its middle, where `pause` may let others go ahead. With kWrapsV each
// handle is followed by itself, and the history is checked by lives.
template <Fault kFault, bool kWrapsV = false>
class SeededTable {
 public:
  static constexpr std::size_t kCapacity = 2;
  static constexpr auto kKind = Kind::kValues;
  static constexpr bool kWraps = kWrapsV;

  std::function<void()> pause = [] {};

  Handle New(const Sealed& value) {
    Publish();
    for (Slot& slot : slots_) {
      Word handle = slot.next.load();
      if (kFault == Fault::kHandleTwice && handle != 0) {
        Pause();
        slot.next = 0;
      } else {
        handle = slot.next.exchange(0);
      }
      if (handle == 0) continue;
      slot.id = value.id, slot.seal = value.seal;
      unpublished_ = handle;
      if (kFault != Fault::kLatePublication) Publish();
      return Handle(handle);
    }
    return kNullHandle;
  }

  std::optional<Sealed> Value(Handle handle) {
    const Word word = static_cast<Word>(handle);
    Slot& slot = SlotOf(word);
    if (slot.state != word) return std::nullopt;
    Pause();
    Sealed value;
    value.id = slot.id, value.seal = slot.seal;
    if (kFault != Fault::kNoSecondLook && slot.state != word)
      return std::nullopt;
    return value;
  }

  std::optional<Sealed> Delete(Handle handle) {
    const Word word = static_cast<Word>(handle);
    Slot& slot = SlotOf(word);
    const Word next = kWraps || kFault == Fault::kNoGeneration
                          ? word
                          : word + Layout::Generation::kOne;
    if (slot.state != word) return std::nullopt;
    if (kFault == Fault::kEarlyFree) slot.next = next;
    Pause();
    Word expected = word;
    if (kFault == Fault::kDeleteNotAtomic) {
      slot.state = 0;
    } else if (!slot.state.compare_exchange_strong(expected, 0)) {
      if (kFault == Fault::kLostSlot) slot.next = 0;
      return std::nullopt;
    }
    Sealed value;
    value.id = slot.id, value.seal = slot.seal;
    slot.next = next;
    return value;
  }

 private:
  struct Slot {
    std::atomic<Word> next;  // the slot's next handle; 0 if it is taken
    std::atomic<Word> state{0}, id{0}, seal{0};
  };

  Slot& SlotOf(Word word) { return slots_[Layout::Index::Decode(word) % 2]; }
  void Publish() {
    if (unpublished_ != 0) SlotOf(unpublished_).state = unpublished_;
    unpublished_ = 0;
  }
  void Pause() {
    std::exchange(pause, [] {})();
  }

  std::array<Slot, kCapacity> slots_{{{Make(1, 0)}, {Make(1, 1)}}};
  Word unpublished_ = 0;
};

// ---------------------------------------------------------------------------
// Seeded faults: tables of objects

enum class ObjectFault {
  kNone,
  kPinsIgnored,    // Delete destroys what is pinned
  kLastTwice,      // an unpin checks whether it was the last after letting go
  kDeadPinned,     // Pin does not check again before it holds
  kLeftForEver,    // the last unpin destroys nothing
  kLeftForOthers,  // the last unpin leaves the object to the next call
  kEarlyFree,      // the slot is free before the object has been destroyed
};

// A table of two slots that is correct except for one fault. Calls stop in
// their middle, where `pause` may let others go ahead, and record what they do.
template <ObjectFault kFault>
class SeededObjects {
 public:
  static constexpr std::size_t kCapacity = 2;
  static constexpr auto kKind = Kind::kObjects;
  static constexpr bool kWraps = false;

  std::function<void()> pause = [] {};

  Word New(Log& log, std::uint32_t value) {
    DestroyWhatIsLeft(log);
    const Stamp begin = log.clock().Before();
    for (Slot& slot : slots_) {
      const Word handle = slot.next.exchange(0);
      if (handle == 0) continue;
      slot.value = value;
      slot.life = Life(handle);
      log.Add(Op::kNew, begin, log.clock().After(), handle, value);
      return handle;
    }
    log.Add(Op::kFull, begin, log.clock().After());
    return 0;
  }

  bool Pin(Log& log, Word handle) {
    const Stamp begin = log.clock().Before();
    Slot& slot = SlotOf(handle);
    std::uint64_t seen = slot.life;
    bool live = IsLive(seen, handle);
    if (live) Pause();
    if (kFault == ObjectFault::kDeadPinned && live) {
      ++slot.life;
    } else {
      while (live && !slot.life.compare_exchange_weak(seen, seen + 1))
        live = IsLive(seen, handle);
    }
    log.Add(live ? Op::kPin : Op::kPinMiss, begin, log.clock().After(), handle,
            live ? slot.value.load() : Event::kNoValue);
    return live;
  }

  void Unpin(Log& log, Word handle) {
    const Stamp begin = log.clock().Before();
    Slot& slot = SlotOf(handle);
    std::uint64_t left = --slot.life;
    Pause();
    if (kFault == ObjectFault::kLastTwice) left = slot.life;
    if ((left & kEnded) != 0 && (left & kPins) == 0) {
      if (kFault == ObjectFault::kLeftForOthers) {
        left_ = handle;
      } else if (kFault != ObjectFault::kLeftForEver &&
                 kFault != ObjectFault::kPinsIgnored) {
        Destroy(log, handle);
      }
    }
    log.Add(Op::kUnpin, begin, log.clock().After(), handle);
  }

  void Delete(Log& log, Word handle) {
    const Stamp begin = log.clock().Before();
    Slot& slot = SlotOf(handle);
    std::uint64_t seen = slot.life;
    bool live = IsLive(seen, handle);
    while (live && !slot.life.compare_exchange_weak(seen, seen | kEnded))
      live = IsLive(seen, handle);
    if (live && ((seen & kPins) == 0 || kFault == ObjectFault::kPinsIgnored))
      Destroy(log, handle);
    log.Add(live ? Op::kDelete : Op::kMiss, begin, log.clock().After(), handle);
  }

 private:
  // The state of a slot: its handle, whether it has ended, and its pins.
  static constexpr std::uint64_t kEnded = 0x8000, kPins = 0x7fff;
  static std::uint64_t Life(Word handle) { return std::uint64_t{handle} << 16; }
  static bool IsLive(std::uint64_t life, Word handle) {
    return (life & ~kPins) == Life(handle);
  }
  struct Slot {
    std::atomic<Word> next;  // the slot's next handle; 0 if it is taken
    std::atomic<std::uint64_t> life{0};
    std::atomic<std::uint32_t> value{0};
  };

  void Destroy(Log& log, Word handle) {
    Slot& slot = SlotOf(handle);
    const std::uint32_t value = slot.value;
    const Word next = handle + Layout::Generation::kOne;
    if (kFault == ObjectFault::kEarlyFree) slot.next = next;
    const Stamp begin = log.clock().After();
    Pause();
    log.Add(Op::kDestroy, begin, log.clock().Before(), 0, value);
    slot.next = next;
  }
  void DestroyWhatIsLeft(Log& log) {
    if (const Word handle = std::exchange(left_, 0)) Destroy(log, handle);
  }
  Slot& SlotOf(Word word) { return slots_[Layout::Index::Decode(word) % 2]; }
  void Pause() {
    std::exchange(pause, [] {})();
  }

  std::array<Slot, kCapacity> slots_{{{Make(1, 0)}, {Make(1, 1)}}};
  Word left_ = 0;
};

// ---------------------------------------------------------------------------
// Seeded faults: scripts that show them

// A call by one of two threads, with the handle of the `made`-th New. Other
// threads take the steps of `meanwhile` where the call stops.
struct Step {
  unsigned thread;
  Op op;  // kNew, kHit, kDelete, kPin or kUnpin
  unsigned made = 1;
  std::vector<Step> meanwhile = {};
};

// Runs scripts on a table.
template <typename Table>
class Script {
 public:
  // Returns the verdict on a table whose threads took the steps.
  static std::string VerdictOn(const std::vector<Step>& steps) {
    Script script;
    for (const Step& step : steps) script.Do(step);
    std::vector<Event> history = Merge(std::move(script.logs_));
    if constexpr (Table::kWraps) {
      return Timeless(VerdictByLives(std::move(history), Table::kCapacity));
    } else {
      return Timeless(
          Verdict(std::move(history), Table::kKind, Table::kCapacity));
    }
  }

 private:
  Script() {
    for (unsigned thread : {0, 1}) logs_.emplace_back(thread, 20);
  }

  void Do(const Step& step) {
    if (!step.meanwhile.empty()) {
      table_.pause = [this, &step] {
        std::thread([&] {
          for (const Step& other : step.meanwhile) Do(other);
        }).join();
      };
    }
    Log& log = logs_[step.thread];
    if (step.op == Op::kNew) {
      // The n-th New makes the value n, whenever it returns.
      const unsigned made = ++made_;
      handles_[made] = New(log, made);
    } else {
      Call(log, step, handles_[step.made]);
    }
  }

  Word New(Log& log, std::uint32_t value) {
    if constexpr (Table::kKind == Kind::kObjects) {
      return table_.New(log, value);
    } else {
      return static_cast<Word>(log.New(table_, value));
    }
  }
  void Call(Log& log, const Step& step, Word handle) {
    if constexpr (Table::kKind == Kind::kObjects) {
      bool& pinned = pinned_[step.thread];
      if (step.op == Op::kDelete) {
        table_.Delete(log, handle);
      } else if (step.op == Op::kPin) {
        pinned = table_.Pin(log, handle);
      } else if (std::exchange(pinned, false)) {
        table_.Unpin(log, handle);
      }
    } else if (step.op == Op::kDelete) {
      log.Delete(table_, Handle(handle));
    } else {
      log.Value(table_, Handle(handle));
    }
  }

  Table table_;
  std::vector<Log> logs_;
  unsigned made_ = 0;
  std::array<Word, 5> handles_{};
  bool pinned_[2] = {};
};

// A fault, a script that shows it, and the verdict on the table that has it.
struct FaultCase {
  using VerdictOn = std::string(const std::vector<Step>&);

  const char* name;
  VerdictOn *right, *wrong;  // on tables without the fault and with it
  std::vector<Step> script;
  std::string verdict;
};
void PrintTo(const FaultCase& fault, std::ostream* out) { *out << fault.name; }

template <Fault kFault, bool kWraps = false>
FaultCase ValueFault(const char* name, std::vector<Step> script,
                     std::string verdict) {
  return {name, Script<SeededTable<Fault::kNone, kWraps>>::VerdictOn,
          Script<SeededTable<kFault, kWraps>>::VerdictOn, std::move(script),
          std::move(verdict)};
}
template <ObjectFault kFault>
FaultCase FaultOfObjects(const char* name, std::vector<Step> script,
                         std::string verdict) {
  return {name, Script<SeededObjects<ObjectFault::kNone>>::VerdictOn,
          Script<SeededObjects<kFault>>::VerdictOn, std::move(script),
          std::move(verdict)};
}

class SeededFaultTest : public ::testing::TestWithParam<FaultCase> {};

TEST_P(SeededFaultTest, OnlyTheTableWithTheFaultIsCaught) {
  const FaultCase& fault = GetParam();
  EXPECT_EQ(fault.right(fault.script), "");
  EXPECT_EQ(fault.wrong(fault.script), fault.verdict);
}

const std::vector<Step> kDeleteTwiceAndFill = {
    {0, Op::kNew},
    {0, Op::kDelete, 1, {{1, Op::kDelete}}},
    {0, Op::kNew},
    {0, Op::kNew},
};

const FaultCase kFaults[] = {
    ValueFault<Fault::kNoGeneration>(
        "HandlesWithoutGenerations",
        {{0, Op::kNew}, {0, Op::kDelete}, {0, Op::kNew}},
        "one handle made twice\n"
        "  thread 0: made 0x9 value 1\n"
        "  thread 0: made 0x9 value 2\n"),
    ValueFault<Fault::kHandleTwice>("NewThatTakesAHandleInTwoSteps",
                                    {{0, Op::kNew, 1, {{1, Op::kNew}}}},
                                    "one handle made twice\n"
                                    "  thread 0: made 0x9 value 1\n"
                                    "  thread 1: made 0x9 value 2\n"),
    ValueFault<Fault::kDeleteNotAtomic>(
        "DeleteThatEndsAHandleInTwoSteps",
        {{0, Op::kNew}, {0, Op::kDelete, 1, {{1, Op::kDelete}}}},
        "one handle deleted twice\n"
        "  thread 0: deleted 0x9 value 1\n"
        "  thread 1: deleted 0x9 value 1\n"),
    ValueFault<Fault::kNoSecondLook>(
        "ValueThatChecksTheHandleOnce",
        {{0, Op::kNew}, {0, Op::kHit, 1, {{1, Op::kDelete}, {1, Op::kNew}}}},
        "two values of one handle\n"
        "  thread 0: made 0x9 value 1\n"
        "  thread 0: found 0x9 value 2\n"),
    // The New of the slot's next handle overwrites the first handle.
    ValueFault<Fault::kEarlyFree>(
        "DeleteThatFreesTheSlotTooEarly",
        {{0, Op::kNew},
         {0, Op::kDelete, 1, {{1, Op::kNew}, {1, Op::kHit}, {1, Op::kNew}}}},
        "refused while it was live\n"
        "  thread 0: made 0x9 value 1\n"
        "  thread 0: refused 0x9\n"),
    ValueFault<Fault::kLatePublication>(
        "NewThatPublishesTooLate",
        {{0, Op::kNew}, {1, Op::kHit}, {0, Op::kNew}, {1, Op::kHit}},
        "refused while it was live\n"
        "  thread 0: made 0x9 value 1\n"
        "  thread 1: refused 0x9\n"),
    ValueFault<Fault::kLostSlot>("DeleteThatLosesASlot", kDeleteTwiceAndFill,
                                 "full while no more than 1 of 2 were taken\n"
                                 "  thread 0: table full\n"),
    // In tables whose generations start over, by lives.
    ValueFault<Fault::kDeleteNotAtomic, true>(
        "DeleteThatEndsALifeInTwoSteps",
        {{0, Op::kNew},
         {0, Op::kDelete},
         {0, Op::kNew},
         {0, Op::kDelete, 2, {{1, Op::kDelete, 2}}}},
        "one handle deleted twice\n"
        "  thread 0: deleted 0x20000005 value 2\n"
        "  thread 1: deleted 0x20000005 value 2\n"),
    ValueFault<Fault::kLostSlot, true>(
        "DeleteThatLosesASlotWhereHandlesReturn", kDeleteTwiceAndFill,
        "full while no more than 1 of 2 were taken\n"
        "  thread 0: table full\n"),
    FaultOfObjects<ObjectFault::kPinsIgnored>(
        "DeleteThatIgnoresPins",
        {{0, Op::kNew}, {1, Op::kPin}, {0, Op::kDelete}, {1, Op::kUnpin}},
        "destroyed while it was pinned\n"
        "  thread 0: destroyed 0x9 value 1\n"
        "  thread 1: unpinned 0x9\n"),
    FaultOfObjects<ObjectFault::kLastTwice>(
        "UnpinsThatBothTakeThemselvesForTheLast",
        {{0, Op::kNew},
         {0, Op::kPin},
         {1, Op::kPin},
         {0, Op::kDelete},
         {0, Op::kUnpin, 1, {{1, Op::kUnpin}}}},
        "one object destroyed twice\n"
        "  thread 1: destroyed 0x9 value 1\n"
        "  thread 0: destroyed 0x9 value 1\n"),
    FaultOfObjects<ObjectFault::kDeadPinned>(
        "PinThatChecksTheHandleOnce",
        {{0, Op::kNew},
         {0, Op::kPin, 1, {{1, Op::kDelete}}},
         {1, Op::kNew},
         {0, Op::kUnpin}},
        "destroyed while it was pinned\n"
        "  thread 1: destroyed 0x9 value 1\n"
        "  thread 0: unpinned 0x9\n"),
    FaultOfObjects<ObjectFault::kLeftForEver>(
        "LastUnpinThatDestroysNothing",
        {{0, Op::kNew}, {1, Op::kPin}, {0, Op::kDelete}, {1, Op::kUnpin}},
        "deleted, but never destroyed\n"
        "  thread 0: deleted 0x9\n"),
    FaultOfObjects<ObjectFault::kLeftForOthers>(
        "LastUnpinThatLeavesTheObjectToOthers",
        {{0, Op::kNew},
         {1, Op::kPin},
         {0, Op::kDelete},
         {1, Op::kUnpin},
         {0, Op::kNew}},
        "destroyed later than when the last that held it had returned\n"
        "  thread 0: deleted 0x9\n"
        "  thread 1: unpinned 0x9\n"
        "  thread 0: destroyed 0x9 value 1\n"),
    FaultOfObjects<ObjectFault::kEarlyFree>(
        "SlotThatIsFreeBeforeItsObjectIsDestroyed",
        {{0, Op::kNew}, {0, Op::kDelete, 1, {{1, Op::kNew}}}},
        "made while the slot's last handle was live\n"
        "  thread 0: destroyed 0x9 value 1\n"
        "  thread 1: made 0x11 value 2\n"),
};
INSTANTIATE_TEST_SUITE_P(Checker, SeededFaultTest, ::testing::ValuesIn(kFaults),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

// The script of DeleteThatEndsALifeInTwoSteps depends on it.
TEST(SeededTableTest, HandleReturnsWhereGenerationsStartOver) {
  SeededTable<Fault::kDeleteNotAtomic, true> table;
  Log log(0, 3);
  const Handle first = log.New(table, 1);
  log.Delete(table, first);
  EXPECT_EQ(log.New(table, 2), first);
}

// ---------------------------------------------------------------------------
// Clock and log

class ClockTest : public ::testing::TestWithParam<Fences> {};
INSTANTIATE_TEST_SUITE_P(BothFences, ClockTest,
                         ::testing::Values(Fences::kFull, Fences::kNone));

// A stamp taken after another thread's is not smaller.
TEST_P(ClockTest, NeverGoesBackFromThreadToThread) {
  constexpr unsigned kThreads = 4, kStamps = 50000;
  const Clock clock(GetParam());
  std::atomic<Stamp> latest{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (unsigned i = 0; i < kStamps; ++i) {
        const Stamp seen = latest.load();
        const Stamp after = clock.After();
        ASSERT_GE(after, seen);
        // This stamp is taken before the store by which others learn of it.
        const Stamp before = clock.Before();
        ASSERT_GE(before, seen);
        Stamp expected = seen;
        latest.compare_exchange_strong(expected, before);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(LogTest, KeepsItsOperationsInOrder) {
  SeededTable<Fault::kNone> table;
  Log log(3, 5);
  const Handle first = log.New(table, 7), second = log.New(table, 8);
  EXPECT_NE(log.New(table, 9), second);
  EXPECT_TRUE(log.Delete(table, first));
  EXPECT_FALSE(log.Value(table, first));
  EXPECT_EQ(log.room(), 0u);
  EXPECT_THROW(log.Value(table, second), std::length_error);

  std::vector<Log> logs;
  logs.push_back(std::move(log));
  const std::vector<Event> events = Merge(std::move(logs));
  const std::vector<Op> ops = {Op::kNew, Op::kNew, Op::kFull, Op::kDelete,
                               Op::kMiss};
  ASSERT_EQ(events.size(), ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    EXPECT_EQ(events[i].op, ops[i]);
    EXPECT_EQ(events[i].thread, 3);
    EXPECT_LE(events[i].begin, events[i].end);
    EXPECT_TRUE(i == 0 || events[i - 1].end <= events[i].begin);
  }
  EXPECT_EQ(events[3].handle, static_cast<Word>(first));
  EXPECT_EQ(events[3].value, 7u);
}

TEST(LogTest, WithoutFencesNewHasNoKnownEnd) {
  SeededTable<Fault::kNone> table;
  Log log(0, 1, Fences::kNone);
  log.New(table, 7);
  EXPECT_EQ(log.begin()->end, kNever);
}

}  // namespace
}  // namespace haft::testing
