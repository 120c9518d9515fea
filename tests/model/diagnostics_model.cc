// The history of handles that diagnostics keep, and the gate before them.

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

struct Created {
  internal::sync::Plain<int> value;
};

// One thread opens the gate, one forces the slow path, one asks for the table.
struct OpenAgainstForceSlowPath {
  static constexpr unsigned kThreads = 3;
  internal::FastPathGate<Created> gate;
  Created created;

  void Thread(unsigned i) {
    if (i == 0) {
      created.value.Write(7);
      gate.Open(&created);
    } else if (i == 1) {
      gate.ForceSlowPath();
      Require(gate.TableOrNull() == nullptr,
              "a table after ForceSlowPath has returned");
    } else if (Created* const seen = gate.TableOrNull()) {
      Require(seen->value.Read() == 7, "not seen as it was created");
    }
  }
  void After() {
    Require(gate.IsSlowPathForced() && gate.TableOrNull() == nullptr,
            "the slow path is not forced");
  }
};
TEST(FastPathGateModel, OpenAgainstForceSlowPath) {
  Exploration().Bound(3).Random(50'000).Holds<OpenAgainstForceSlowPath>();
}

// Two threads ask for the number of the same site, and look at each other's.
struct TwoFirstSites {
  static constexpr unsigned kThreads = 2;
  internal::CallSiteSet sites{4};
  internal::sync::Atomic<std::uint32_t> numbers[2];

  TwoFirstSites() {
    for (auto& number : numbers) number.store(0, std::memory_order_relaxed);
  }
  void ExpectLine(std::uint32_t number, unsigned line) {
    const internal::CallSite* const site = sites.Find(number);
    Require(site == nullptr || site->location().number == line,
            "another site's line");
  }
  void Thread(unsigned i) {
    const std::uint32_t number = sites.NumberOf({"a.c", 9}, nullptr);
    Require(number != 0, "there is room");
    ExpectLine(number, 9);
    // relaxed: numbers may be passed on in any way.
    numbers[i].store(number, std::memory_order_relaxed);
    if (const auto other = numbers[1 - i].load(std::memory_order_relaxed))
      ExpectLine(other, 9);
  }
  void After() {}
};
TEST(CallSiteSetModel, TwoFirstSites) {
  Exploration().Bound(3).Random(50'000).Holds<TwoFirstSites>();
}

// A slot has three handles, which share one entry, and one bit of the reuse
// count is kept. So nothing tells the third handle from the first but the order
// in which things are done.
using Layout = HandleLayout<3, 3>;
using History = internal::HandleHistory<Layout, 1, 1>;
constexpr unsigned kGenerations = 4;

Word HandleOf(Word generation) { return Layout::Make(generation, 0); }
History::Event Event(Word generation, unsigned what) {
  const auto n = static_cast<std::uint32_t>(generation);
  return {n, 10 * n + what};
}

struct OneSlot {
  History history{1};

  void ExpectItsOwn(Word generation) {
    const History::Record record = history.Recall(HandleOf(generation));
    Require(record.created.thread == 0 ||
                record.created.thread == Event(generation, 1).thread,
            "another handle's creator");
    Require(record.deleted.thread == 0 ||
                record.deleted.thread == Event(generation, 2).thread,
            "another handle's deleter");
  }
};

struct RecallWhileTheSlotIsReused : OneSlot {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 1) return ExpectItsOwn(1);
    for (Word g = 1; g < kGenerations; ++g) {
      history.NoteCreated(HandleOf(g), Event(g, 1));
      history.NoteDeleted(HandleOf(g), Event(g, 2));
    }
  }
  void After() {
    ExpectItsOwn(1);
    Require(
        history.Recall(HandleOf(3)).created.thread == Event(3, 1).thread &&
            history.Recall(HandleOf(3)).deleted.thread == Event(3, 2).thread,
        "the last handle is not remembered");
  }
};
TEST(HandleHistoryModel, RecallWhileTheSlotIsReused) {
  Exploration().Bound(3).Random(50'000).Holds<RecallWhileTheSlotIsReused>();
}

// The creator of the first handle, or its deleter, records its event after the
// slot has been reused.
template <unsigned kWhat>
struct LateNote : OneSlot {
  static constexpr unsigned kThreads = 2;
  LateNote() {
    if (kWhat == 2) history.NoteCreated(HandleOf(1), Event(1, 1));
  }
  void Thread(unsigned i) {
    if (i == 1) {
      if (kWhat == 1) history.NoteCreated(HandleOf(1), Event(1, 1));
      if (kWhat == 2) history.NoteDeleted(HandleOf(1), Event(1, 2));
      return;
    }
    for (Word g = 2; g < kGenerations; ++g) {
      history.NoteCreated(HandleOf(g), Event(g, 1));
      history.NoteDeleted(HandleOf(g), Event(g, 2));
      ExpectItsOwn(g);
    }
  }
  void After() {
    ExpectItsOwn(1);
    ExpectItsOwn(3);
  }
};
TEST(HandleHistoryModel, LateCreated) {
  Exploration().Bound(3).Random(50'000).Holds<LateNote<1>>();
}
TEST(HandleHistoryModel, LateDeleted) {
  Exploration().Bound(3).Random(50'000).Holds<LateNote<2>>();
}

// The site of an event that is recalled can be found.
struct SiteOfEvent {
  static constexpr unsigned kThreads = 2;
  internal::CallSiteSet sites{4};
  History history{1};
  void Thread(unsigned i) {
    if (i == 0) {
      const std::uint32_t site = sites.NumberOf({"a.c", 9}, nullptr);
      history.NoteCreated(HandleOf(1), {site, 1});
      return;
    }
    const History::Event created = history.Recall(HandleOf(1)).created;
    if (created.thread == 0) return;
    const internal::CallSite* const site = sites.Find(created.site);
    Require(site != nullptr && site->location().number == 9,
            "not as it was recorded");
  }
  void After() {}
};
TEST(HandleHistoryModel, SiteOfEvent) {
  Exploration().Bound(3).Random(50'000).Holds<SiteOfEvent>();
}

}  // namespace
}  // namespace haft::model
