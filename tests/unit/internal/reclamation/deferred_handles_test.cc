#include "haft/internal/reclamation/deferred_handles.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
namespace {

using L = HandleLayout<4, 4>;

// Read scopes by holder, each with the time of its beginning.
class FakeReclamation {
 public:
  static constexpr unsigned kNoScope = ~0u;

  void Begin(unsigned holder) { scopes_[holder] = clock_; }
  void End(unsigned holder) { scopes_.erase(holder); }
  // The scope that the next FindScope returns ends right after that.
  void EndNextOneFound() { ends_next_ = true; }

  std::uint64_t Stamp() { return clock_++; }
  template <typename Slot>
  unsigned FindScope(const Slot&, std::uint64_t stamp) const {
    for (const auto& [holder, begin] : scopes_) {
      if (begin > stamp) continue;
      const unsigned found = holder;
      if (ends_next_) scopes_.erase(found);
      ends_next_ = false;
      return found;
    }
    return kNoScope;
  }
  bool ScopeMayHold(unsigned holder, std::uint64_t stamp) const {
    const auto scope = scopes_.find(holder);
    return scope != scopes_.end() && scope->second <= stamp;
  }

 private:
  mutable std::map<unsigned, std::uint64_t> scopes_;
  mutable bool ends_next_ = false;
  std::uint64_t clock_ = 0;
};

struct NoSlots {
  Word operator[](Word word) const { return word; }
};

class DeferredHandlesTest : public ::testing::Test {
 protected:
  using Words = std::vector<Word>;

  void Defer(Word handle) {
    deferred_.Defer(reclamation_, NoSlots(), handle,
                    [&](Word word) { left_.push_back(word); });
  }
  void Retry(unsigned holder) {
    deferred_.Retry(reclamation_, NoSlots(), holder,
                    [&](Word word) { left_.push_back(word); });
  }

  static constexpr Word kA = L::Make(1, 3), kB = L::Make(1, 4);
  DeferredHandles deferred_{16};
  FakeReclamation reclamation_;
  // The handles that have left the read scopes, in that order.
  Words left_;
};

TEST_F(DeferredHandlesTest, HandleLeavesAtOnceIfNoScopeMayHoldIt) {
  ASSERT_TRUE(deferred_.ok());
  Defer(kA);
  EXPECT_EQ(left_, Words{kA});
  for (unsigned holder = 0; holder < 5; ++holder) Retry(holder);
  EXPECT_EQ(left_, Words{kA}) << "it left twice";
}

TEST_F(DeferredHandlesTest, HandleWaitsUntilTheScopeThatHoldsItEnds) {
  reclamation_.Begin(2);
  Defer(kA);
  EXPECT_EQ(left_, Words());
  Retry(2);
  EXPECT_EQ(left_, Words()) << "the scope is still open";
  reclamation_.End(2);
  Retry(1);
  EXPECT_EQ(left_, Words()) << "it waits in the list of another holder";
  Retry(2);
  EXPECT_EQ(left_, Words{kA});
  Retry(2);
  EXPECT_EQ(left_, Words{kA}) << "it left twice";
}

// Also if there are more holders than slots.
TEST_F(DeferredHandlesTest, EachHolderHasAListOfItsOwn) {
  for (const unsigned holder : {18u, 2u + 256u, sync::kMaxThreads}) {
    left_.clear();
    reclamation_.Begin(holder);
    Defer(kA);
    reclamation_.End(holder);
    for (unsigned other = 1; other < 17; ++other) Retry(other);
    EXPECT_EQ(left_, Words()) << "it waits in the list of " << holder;
    Retry(holder);
    EXPECT_EQ(left_, Words{kA});
  }
}

TEST_F(DeferredHandlesTest, HandleGoesOnToTheNextScopeThatMayHoldIt) {
  for (const unsigned holder : {0u, 1u, 7u}) reclamation_.Begin(holder);
  Defer(kA);
  for (const unsigned holder : {0u, 1u}) {
    reclamation_.End(holder);
    Retry(holder);
    EXPECT_EQ(left_, Words()) << "another scope holds it";
  }
  reclamation_.End(7);
  Retry(7);
  EXPECT_EQ(left_, Words{kA});
}

TEST_F(DeferredHandlesTest, LaterScopeHoldsOnlyWhatIsDeferredLater) {
  reclamation_.Begin(2);
  Defer(kA);
  reclamation_.End(2);
  // The same thread and another one are in scopes that began too late for kA.
  reclamation_.Begin(2);
  reclamation_.Begin(3);
  Defer(kB);
  Retry(2);
  EXPECT_EQ(left_, Words{kA});
  reclamation_.End(2);
  Retry(2);
  EXPECT_EQ(left_, Words{kA}) << "3 holds kB";
  reclamation_.End(3);
  Retry(3);
  EXPECT_EQ(left_, (Words{kA, kB}));
}

TEST_F(DeferredHandlesTest, NextHandleOfASlotHasAStampOfItsOwn) {
  reclamation_.Begin(2);
  Defer(kA);
  reclamation_.End(2);
  Retry(2);
  EXPECT_EQ(left_, Words{kA});
  reclamation_.Begin(2);
  const Word next = L::Make(2, 3);
  Defer(next);
  EXPECT_EQ(left_, Words{kA}) << "by the stamp of the earlier handle";
  reclamation_.End(2);
  Retry(2);
  EXPECT_EQ(left_, (Words{kA, next}));
}

TEST_F(DeferredHandlesTest, EachSlotHasAStampOfItsOwn) {
  constexpr Word kSlots = 16;
  for (Word i = 0; i < kSlots; ++i) {
    for (Word j = 0; j < kSlots; ++j) {
      if (i == j) continue;
      const Word earlier = L::Make(1, i), later = L::Make(1, j);
      left_.clear();
      reclamation_.Begin(2);
      Defer(earlier);
      reclamation_.End(2);
      reclamation_.Begin(2);  // too late for the earlier one
      Defer(later);
      Retry(2);
      EXPECT_EQ(left_, Words{earlier}) << "beside " << later;
      reclamation_.End(2);
      Retry(2);
      EXPECT_EQ(left_, (Words{earlier, later}));
    }
  }
}

// Nobody else would see to it: the holder has looked at its list already.
TEST_F(DeferredHandlesTest, DeferRetriesIfTheScopeEndsMeanwhile) {
  reclamation_.Begin(2);
  reclamation_.EndNextOneFound();
  Defer(kA);
  EXPECT_EQ(left_, Words{kA});

  reclamation_.Begin(2);
  reclamation_.Begin(3);
  reclamation_.EndNextOneFound();
  Defer(kB);
  EXPECT_EQ(left_, Words{kA}) << "3 still holds it";
  reclamation_.End(3);
  Retry(3);
  EXPECT_EQ(left_, (Words{kA, kB}));
}

}  // namespace
}  // namespace haft::internal
