// What diagnostics remember, and the gate before them.

#include <cstdint>

#include "gtest/gtest.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/call_site_set.h"
#include "haft/internal/diagnostics/handle_history.h"
#include "haft/internal/process/fast_path_gate.h"
#include "tests/model/model.h"

namespace haft::model {
namespace {

struct Made {
  internal::sync::Plain<int> value;
};

// One opens the gate, one watches it, one goes through.
struct OpenWatchThrough {
  static constexpr unsigned kThreads = 3;
  internal::FastPathGate<Made> gate;
  Made made;

  void Thread(unsigned i) {
    if (i == 0) {
      made.value.Write(7);
      gate.Open(&made);
    } else if (i == 1) {
      gate.ForceSlowPath();
      Require(gate.TableOrNull() == nullptr, "nobody, when it has returned");
    } else if (Made* const seen = gate.TableOrNull()) {
      Require(seen->value.Read() == 7, "seen as made");
    }
  }
  void After() {
    Require(gate.IsSlowPathForced() && gate.TableOrNull() == nullptr,
            "watched");
  }
};
TEST(GateModel, OpenWatchThrough) {
  Exploration().Bound(3).Random(50'000).Holds<OpenWatchThrough>();
}

// Two ask for the same site and one more each, and look at each other's.
struct TwoFirstSites {
  static constexpr unsigned kThreads = 2;
  internal::CallSiteSet sites{4};
  internal::sync::Atomic<std::uint32_t> numbers[2];

  TwoFirstSites() {
    for (auto& number : numbers) number.store(0, std::memory_order_relaxed);
  }
  void ExpectLine(std::uint32_t number, unsigned line) {
    const internal::Site* const site = sites.Find(number);
    Require(site == nullptr || site->place().number == line, "another's line");
  }
  void Thread(unsigned i) {
    const std::uint32_t number = sites.NumberOf({"a.c", 9}, nullptr);
    Require(number != 0, "there is room");
    ExpectLine(number, 9);
    // relaxed: numbers may come by any way.
    numbers[i].store(number, std::memory_order_relaxed);
    if (const auto other = numbers[1 - i].load(std::memory_order_relaxed))
      ExpectLine(other, 9);
  }
  void After() {}
};
TEST(SiteSetModel, TwoFirstSites) {
  Exploration().Bound(3).Random(50'000).Holds<TwoFirstSites>();
}

// A slot of three lives, of which each shares the record of the ones before it;
// of a life one bit is kept: so the third is told from the first by nothing but
// the order in which things are done.
using Layout = HandleLayout<3, 3>;
using Log = internal::HandleHistory<Layout, 1, 1>;
constexpr unsigned kLives = 4;

Word HandleOf(Word generation) { return Layout::Make(generation, 0); }
Log::Event Event(Word generation, unsigned what) {
  const auto n = static_cast<std::uint32_t>(generation);
  return {n, 10 * n + what};
}

struct Lives {
  Log log{1};

  void ExpectItsOwn(Word generation) {
    const Log::Life life = log.Recall(HandleOf(generation));
    Require(life.created.thread == 0 ||
                life.created.thread == Event(generation, 1).thread,
            "another's maker");
    Require(life.deleted.thread == 0 ||
                life.deleted.thread == Event(generation, 2).thread,
            "another's deleter");
  }
};

struct RecallWhileLivesGoBy : Lives {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 1) return ExpectItsOwn(1);
    for (Word g = 1; g < kLives; ++g) {
      log.NoteCreated(HandleOf(g), Event(g, 1));
      log.NoteDeleted(HandleOf(g), Event(g, 2));
    }
  }
  void After() {
    ExpectItsOwn(1);
    Require(log.Recall(HandleOf(3)).created.thread == Event(3, 1).thread &&
                log.Recall(HandleOf(3)).deleted.thread == Event(3, 2).thread,
            "the last life is remembered");
  }
};
TEST(LifeLogModel, RecallWhileLivesGoBy) {
  Exploration().Bound(3).Random(50'000).Holds<RecallWhileLivesGoBy>();
}

// Who made the first handle, and who deleted it, come to note it when others
// have gone by.
template <unsigned kWhat>
struct LateNote : Lives {
  static constexpr unsigned kThreads = 2;
  LateNote() {
    if (kWhat == 2) log.NoteCreated(HandleOf(1), Event(1, 1));
  }
  void Thread(unsigned i) {
    if (i == 1) {
      if (kWhat == 1) log.NoteCreated(HandleOf(1), Event(1, 1));
      if (kWhat == 2) log.NoteDeleted(HandleOf(1), Event(1, 2));
      return;
    }
    for (Word g = 2; g < kLives; ++g) {
      log.NoteCreated(HandleOf(g), Event(g, 1));
      log.NoteDeleted(HandleOf(g), Event(g, 2));
      ExpectItsOwn(g);
    }
  }
  void After() {
    ExpectItsOwn(1);
    ExpectItsOwn(3);
  }
};
TEST(LifeLogModel, LateCreated) {
  Exploration().Bound(3).Random(50'000).Holds<LateNote<1>>();
}
TEST(LifeLogModel, LateDeleted) {
  Exploration().Bound(3).Random(50'000).Holds<LateNote<2>>();
}

// The site of an event that is recalled is there.
struct SiteOfEvent {
  static constexpr unsigned kThreads = 2;
  internal::CallSiteSet sites{4};
  Log log{1};
  void Thread(unsigned i) {
    if (i == 0) {
      const std::uint32_t site = sites.NumberOf({"a.c", 9}, nullptr);
      log.NoteCreated(HandleOf(1), {site, 1});
      return;
    }
    const Log::Event created = log.Recall(HandleOf(1)).created;
    if (created.thread == 0) return;
    const internal::Site* const site = sites.Find(created.site);
    Require(site != nullptr && site->place().number == 9, "as it was noted");
  }
  void After() {}
};
TEST(LifeLogModel, SiteOfEvent) {
  Exploration().Bound(3).Random(50'000).Holds<SiteOfEvent>();
}

}  // namespace
}  // namespace haft::model
