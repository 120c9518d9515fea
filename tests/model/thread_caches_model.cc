// Models of ThreadCaches. A cache is entered by its own thread alone, not by a
// handler that interrupts the thread inside, and is inherited as a whole.

#include <cstdint>
#include <new>
#include <type_traits>

#include "haft/internal/thread/thread_caches.h"
#include "haft/internal/thread/thread_registry.h"
#include "tests/model/model.h"

namespace haft {
namespace {

using model::EndThread;
using model::Exploration;
using model::RaiseSignal;
using model::Require;

// It is used with all bytes 0, without construction, as the free list's cache
// is.
struct Cache {
  bool inside;
  internal::sync::Plain<unsigned> entries;
};

class Caches {
 public:
  // A call that makes `makes` handles and deletes `deletes`.
  void Enter(unsigned makes, unsigned deletes) {
    caches_.With([=](auto& thread) {
      if constexpr (std::decay_t<decltype(thread)>::kHasCache) {
        Cache& cache = thread.cache();
        Require(!cache.inside, "entered twice");
        cache.inside = true;
        const unsigned entries = cache.entries.Read();
        Require(thread.level() == entries, "another level than was left");
        cache.entries.Write(entries + 1);
        thread.RaiseLevel();
        cache.inside = false;
      }
      thread.CountCreated(makes);
      thread.CountDeleted(deletes);
      return 0;
    });
  }

  void RequireCounts(unsigned created, unsigned deleted) {
    Require(caches_.created() == created, "the count of those made is wrong");
    Require(caches_.deleted() == deleted, "the count of deletes is wrong");
    caches_.ForEach([](const Cache& cache, unsigned level) {
      Require(cache.entries.Read() == level, "a change of the level is lost");
    });
  }

 private:
  internal::ThreadCaches<Cache> caches_;
};

// A handler interrupts a call, and is interrupted itself.
struct Handlers {
  static constexpr unsigned kThreads = 1;
  Caches caches;
  unsigned made = 0, deleted = 0;

  void Thread(unsigned) {
    Call(1, 0);
    RaiseSignal(
        [](void* self) {
          RaiseSignal([](void* s) { static_cast<Handlers*>(s)->Call(0, 0); },
                      self);
          static_cast<Handlers*>(self)->Call(2, 1);
        },
        this);
    Call(1, 1);
    Call(0, 0);
  }
  void After() { caches.RequireCounts(made, deleted); }

  void Call(unsigned makes, unsigned deletes) {
    made += makes;
    deleted += deletes;
    caches.Enter(makes, deletes);
  }
};
TEST(ThreadCachesModel, AHandlerDoesWithoutTheEntryItsThreadIsIn) {
  Exploration().Bound(0).Random(100'000).Holds<Handlers>();
}

// Threads begin and end, and inherit entries.
struct Inheritance {
  static constexpr unsigned kThreads = 2;
  Caches caches;

  void Thread(unsigned i) {
    for (unsigned n = 0; n < 2; ++n) {
      caches.Enter(1, i == 0);
      EndThread();
    }
  }
  void After() { caches.RequireCounts(4, 2); }
};
TEST(ThreadCachesModel, TheNextOwnerInheritsTheEntry) {
  Exploration().Bound(1).Random(40'000).Holds<Inheritance>();
}

// All indices are taken.
struct UncachedCallers {
  static constexpr unsigned kThreads = 2;
  Caches caches;

  UncachedCallers() {
    for (unsigned n = 0; n < internal::sync::kMaxCaches; ++n) {
      new (&internal::sync::ThisThread()) internal::sync::ThreadState();
      internal::ThreadRegistry::OfThisCopy().Claim();
    }
    new (&internal::sync::ThisThread()) internal::sync::ThreadState();
  }
  void Thread(unsigned i) {
    caches.Enter(1, i);
    caches.Enter(1, 1 - i);
  }
  void After() { caches.RequireCounts(4, 2); }
};
TEST(ThreadCachesModel, ThreadsWithoutAnIndexAreUncached) {
  Exploration().Random(40'000).Holds<UncachedCallers>();
}

}  // namespace
}  // namespace haft
