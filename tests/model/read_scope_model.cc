// Models of read scopes: scopes against deletes on whole object tables.

#include <cstddef>
#include <new>
#include <optional>

#include "gtest/gtest.h"
#include "haft/handle.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

using Scope = TrackedTable::ReadScope;

struct OneObject {
  TrackedTable table{1};
  Life life;
  const Handle handle = Prepare();

  Handle Prepare() {
    GiveIndices(3);
    return table.Emplace(life);
  }

  // An object that the scope has found counts as in use until the scope ends.
  Tracked* Find(const Scope& scope) {
    const bool was_deleted = life.deleted;
    Tracked* const object = scope.Find(handle);
    if (object != nullptr) {
      Require(!was_deleted, "not found after Delete");
      ++life.holders;
    }
    return object;
  }
  void End(std::optional<Scope>& scope, Tracked* found) {
    const Call call(life);
    if (found != nullptr) {
      found->Use(life);
      --life.holders;
    }
    scope.reset();
  }
  void Read() {
    const Call call(life);
    std::optional<Scope> scope(std::in_place, table);
    Tracked* const found = Find(*scope);
    End(scope, found);
  }

  void After() { Require(life.destroyed == 1, "nothing is forgotten"); }
};

struct ScopeAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      Read();
    }
  }
};
TEST(ReadScopeModel, ScopeAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<ScopeAgainstDelete>();
}

// As usual, the reading thread has been in a scope before.
struct LaterScopeAgainstDelete : ScopeAgainstDelete {
  LaterScopeAgainstDelete() {
    ActAs(1);
    Read();
  }
};
TEST(ReadScopeModel, LaterScopeAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<LaterScopeAgainstDelete>();
}

// The object may be deferred to the next scope while the first one ends.
struct TwoScopesInARowAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      Read();
      Read();
    }
  }
};
TEST(ReadScopeModel, TwoScopesInARowAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<TwoScopesInARowAgainstDelete>();
}

// Two threads are in scopes and have found the object, which is deferred to one
// and then to the other.
struct TwoOpenScopesAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 3;
  std::optional<Scope> scopes[2];
  Tracked* found[2];

  TwoOpenScopesAgainstDelete() {
    for (unsigned i = 0; i < 2; ++i) {
      ActAs(i);
      scopes[i].emplace(table);
      found[i] = Find(*scopes[i]);
    }
  }
  void Thread(unsigned i) {
    if (i == 2) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      End(scopes[i], found[i]);
    }
  }
};
TEST(ReadScopeModel, TwoOpenScopesAgainstDelete) {
  Exploration().Bound(1).Random(100'000).Holds<TwoOpenScopesAgainstDelete>();
}

// The same, and the object is deleted before: the ends of the scopes race.
struct TwoEndsOfScopes : TwoOpenScopesAgainstDelete {
  static constexpr unsigned kThreads = 2;
  TwoEndsOfScopes() { Delete(table, handle, life); }
};
TEST(ReadScopeModel, TwoEndsOfScopes) {
  Exploration().Bound(2).Random(50'000).Holds<TwoEndsOfScopes>();
}

// A third thread begins a scope while the object is passed on.
struct EndsAgainstBegin : TwoEndsOfScopes {
  static constexpr unsigned kThreads = 3;
  void Thread(unsigned i) {
    if (i == 2) {
      Read();
    } else {
      TwoEndsOfScopes::Thread(i);
    }
  }
};
TEST(ReadScopeModel, EndsAgainstBegin) {
  Exploration().Random(100'000).Holds<EndsAgainstBegin>();
}

struct OpenScopeAndPinAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 3;
  TrackedPin pin = Pin(table, handle, life);
  std::optional<Scope> scope;
  Tracked* found;

  OpenScopeAndPinAgainstDelete() {
    ActAs(0);
    scope.emplace(table);
    found = Find(*scope);
  }
  void Thread(unsigned i) {
    switch (i) {
      case 0:
        End(scope, found);
        break;
      case 1:
        Unpin(pin, life);
        break;
      case 2:
        Require(Delete(table, handle, life), "the one Delete succeeds");
        break;
    }
  }
};
TEST(ReadScopeModel, OpenScopeAndPinAgainstDelete) {
  Exploration().Bound(1).Random(100'000).Holds<OpenScopeAndPinAgainstDelete>();
}
TEST(ReadScopeModel, OpenScopeAndPinAgainstDeleteWithoutHeavyBarrier) {
  Exploration()
      .HeavyBarrier(false)
      .Bound(1)
      .Random(100'000)
      .Holds<OpenScopeAndPinAgainstDelete>();
}

// A scope inside a scope ends nothing.
struct NestedScopesAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
      return;
    }
    const Call call(life);
    std::optional<Scope> outer(std::in_place, table);
    Tracked* const found = Find(*outer);
    Read();
    End(outer, found);
  }
};
TEST(ReadScopeModel, NestedScopesAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<NestedScopesAgainstDelete>();
}

// Threads whose exit hooks have run borrow an index for each scope.
struct ScopesOfUncachedCallersAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 3;
  ScopesOfUncachedCallersAgainstDelete() {
    for (unsigned i = 0; i < 2; ++i) {
      new (&internal::sync::thread_states[i]) internal::sync::ThreadState();
      MakeUncached(i);
    }
  }
  void Thread(unsigned i) {
    if (i == 2) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      Read();
    }
  }
};
TEST(ReadScopeModel, ScopesOfUncachedCallersAgainstDelete) {
  Exploration()
      .Bound(1)
      .Random(100'000)
      .Holds<ScopesOfUncachedCallersAgainstDelete>();
}

// A thread ends inside a scope. The next owner of its index is not in that
// scope, which ends no later than the next owner's first one.
struct ScopeOfADeadOwnerEnds : OneObject {
  static constexpr unsigned kThreads = 2;
  alignas(Scope) std::byte dead[sizeof(Scope)];

  ScopeOfADeadOwnerEnds() {
    ActAs(1);
    Require(Find(*new (dead) Scope(table)) != nullptr, "live");
    life.holders = 0;
    // As another thread with the same index.
    internal::sync::thread_states[1].tag = 100;
    ActAs(1);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      const Call call(life);
      life.deleted = table.Delete(handle) == Status::kOk;
      Require(life.deleted, "the one Delete succeeds");
      life.deleted = false;  // until the scope has ended
    } else {
      const Scope scope(table);
    }
  }
  void After() {
    {
      ActAs(1);
      const Scope scope(table);
    }
    OneObject::After();
  }
};
TEST(ReadScopeModel, ScopeOfADeadOwnerEnds) {
  Exploration().Bound(2).Random(50'000).Holds<ScopeOfADeadOwnerEnds>();
}

// A scope counts as a use.
struct ScopeAgainstDeleteUnlessPinned : OneObject {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      model::End(life, [&] { return table.DeleteUnlessPinned(handle); });
    } else {
      Read();
    }
  }
  void After() {
    if (!life.deleted) Require(Delete(table, handle, life), "live is live");
    OneObject::After();
  }
};
TEST(ReadScopeModel, ScopeAgainstDeleteUnlessPinned) {
  Exploration().Bound(2).Random(50'000).Holds<ScopeAgainstDeleteUnlessPinned>();
}

// Two objects are deferred to one scope.
struct TwoDeletesAgainstOpenScope {
  static constexpr unsigned kThreads = 3;
  TrackedTable table{2};
  Life lives[2];
  Handle handles[2];
  std::optional<Scope> scope;

  TwoDeletesAgainstOpenScope() {
    GiveIndices(3);
    for (unsigned i = 0; i < 2; ++i) handles[i] = table.Emplace(lives[i]);
    ActAs(2);
    scope.emplace(table);
    for (unsigned i = 0; i < 2; ++i)
      lives[i].holders = scope->Find(handles[i]) != nullptr;
  }
  void Thread(unsigned i) {
    const Call calls[2] = {Call(lives[0]), Call(lives[1])};
    if (i < 2) {
      Require(Delete(table, handles[i], lives[i]), "the one Delete succeeds");
      return;
    }
    for (Life& life : lives) life.holders = 0;
    scope.reset();
  }
  void After() {
    for (const Life& life : lives)
      Require(life.destroyed == 1, "nothing is forgotten");
  }
};
TEST(ReadScopeModel, TwoDeletesAgainstOpenScope) {
  Exploration().Bound(1).Random(100'000).Holds<TwoDeletesAgainstOpenScope>();
}

}  // namespace
}  // namespace haft::model
