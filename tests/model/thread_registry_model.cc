// Models of ThreadRegistry: an index has one owner at a time, who sees the data
// that the last one left.

#include <new>

#include "haft/internal/thread/thread_registry.h"
#include "tests/model/model.h"

namespace haft {
namespace {

using ThreadIndexSet = internal::ThreadIndexSet<internal::sync::kMaxThreads>;
using internal::ThreadRegistry;
using model::EndThread;
using model::Exploration;
using model::RaiseSignal;
using model::Require;

// Each thread claims and releases twice. The data of each index is plain.
struct ClaimAndRelease {
  static constexpr unsigned kThreads = 3;
  ThreadIndexSet indices;
  internal::sync::Plain<unsigned> uses[kThreads + 1];
  unsigned claimed = 0;

  void Thread(unsigned) {
    for (int n = 0; n < 2; ++n) {
      const unsigned index = indices.Claim();
      Require(1 <= index && index <= kThreads, "not the lowest free index");
      Require(indices.Reach() >= index, "out of reach");
      uses[index].Write(uses[index].Read() + 1);
      indices.Release(index);
      ++claimed;
    }
  }
  void After() {
    unsigned sum = 0;
    for (unsigned index = 1; index <= kThreads; ++index)
      sum += uses[index].Read();
    Require(sum == claimed, "a use is lost");
    Require(indices.Claim() == 1, "an index was not given back");
  }
};
TEST(ThreadRegistryModel, AnIndexHasOneOwnerThatSeesTheLastOnesData) {
  Exploration().Bound(1).Random(100'000).Holds<ClaimAndRelease>();
}

unsigned Index() {
  return internal::sync::ThisThread().index.load(std::memory_order_relaxed);
}

// A handler that claims an index, at a moment when its thread may be about to
// get or to lose one. ThreadRegistry::IndexHere checks that it finds one in a
// thread whose state says so.
void ClaimInHandler(void*) {
  ThreadRegistry& registry = ThreadRegistry::OfThisCopy();
  const auto require_one_index = [&registry] {
    Require(registry.Index() == Index(), "two indices for one thread");
    const unsigned here = registry.IndexHere();
    Require(here == 0 || here == Index(), "two indices for one thread");
  };
  require_one_index();
  registry.Claim();
  require_one_index();
}

// Threads that come and go, of which one at a time is interrupted by a handler
// that claims an index as well.
struct ComeAndGo {
  static constexpr unsigned kThreads = 2;
  internal::sync::Plain<unsigned> uses[8];
  unsigned ended = 0;

  ComeAndGo() { ThreadRegistry::OfThisCopy().Prepare(); }
  void Thread(unsigned i) {
    for (unsigned n = 0; n < 2 - i; ++n) {
      if (i + n == 0) RaiseSignal(&ClaimInHandler, nullptr);
      const unsigned index = Claim();
      uses[index].Write(uses[index].Read() + 1);
      Require(Claim() == index, "another index for the same thread");
      EndThread();
      ++ended;
    }
  }
  void After() {
    unsigned sum = 0;
    for (const internal::sync::Plain<unsigned>& use : uses) sum += use.Read();
    Require(sum == ended, "a use is lost");
    // The set-up's thread, each time as another thread.
    for (unsigned index = 1; index <= 4; ++index) {
      new (&internal::sync::ThisThread()) internal::sync::ThreadState();
      Require(Claim() == index, "an index was not given back");
    }
  }

  static unsigned Claim() {
    ThreadRegistry::OfThisCopy().Claim();
    const unsigned index = Index();
    Require(1 <= index && index < 8, "no index");
    return index;
  }
};
TEST(ThreadRegistryModel, ThreadsComeAndGo) {
  Exploration().Bound(1).Random(100'000).Holds<ComeAndGo>();
}

// A handler that runs in the last moments of its thread gets no index, because
// nothing would give it back.
struct SignalAtTheEnd {
  static constexpr unsigned kThreads = 2;

  SignalAtTheEnd() { ThreadRegistry::OfThisCopy().Prepare(); }
  void Thread(unsigned i) {
    ThreadRegistry::OfThisCopy().Claim();
    if (i == 0) RaiseSignal(&ClaimInHandler, nullptr);
    EndThread();
  }
  void After() {
    for (unsigned index = 1; index <= 4; ++index) {
      new (&internal::sync::ThisThread()) internal::sync::ThreadState();
      ThreadRegistry::OfThisCopy().Claim();
      Require(Index() == index, "an index was not given back");
    }
  }
};
TEST(ThreadRegistryModel, AThreadThatEndsGetsNoIndexAnyMore) {
  Exploration().Bound(1).Random(40'000).Holds<SignalAtTheEnd>();
}

}  // namespace
}  // namespace haft
