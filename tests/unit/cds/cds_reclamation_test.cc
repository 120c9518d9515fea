#include "haft/cds/cds_reclamation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

struct CdsTraits : DefaultTraits {
  using Reclamation = CdsReclamation;
};

std::atomic<int> constructed{0}, destroyed{0};

// Use after destruction, and double destruction, show.
class Tracked {
 public:
  Tracked() { ++constructed; }
  explicit Tracked(std::function<void()> hook) : hook_(std::move(hook)) {
    ++constructed;
  }
  ~Tracked() {
    EXPECT_TRUE(IsAlive()) << "destroyed twice";
    canary_.store(0, std::memory_order_relaxed);
    ++destroyed;
    if (hook_) hook_();
  }
  bool IsAlive() const {
    return canary_.load(std::memory_order_relaxed) == kAlive;
  }

 private:
  static constexpr unsigned kAlive = 0x600dcafe;
  std::atomic<unsigned> canary_{kAlive};
  std::function<void()> hook_;
};

using Table = ObjectTable<Tracked, CdsTraits>;

class CdsReclamationTest : public ::testing::Test {
 protected:
  CdsReclamationTest() { constructed = destroyed = 0; }
  ~CdsReclamationTest() override {
    table_.reset();
    EXPECT_EQ(constructed, destroyed);
  }

  // Makes and deletes objects until `done()`.
  //   Returns   whether that was in time
  template <typename F>
  bool ChurnUntil(F done) {
    for (int i = 0; i < 1000000; ++i) {
      if (done()) return true;
      EXPECT_EQ(table_->Delete(table_->Emplace()), Status::kOk);
    }
    return false;
  }

  std::unique_ptr<Table> table_ = Table::Create(100);
};

TEST_F(CdsReclamationTest, DeletedHandleIsStaleAtOnce) {
  const Handle handle = table_->Emplace();
  EXPECT_EQ(table_->Delete(handle), Status::kOk);
  EXPECT_EQ(table_->Delete(handle), Status::kStale);
  EXPECT_EQ(table_->Check(handle), Status::kStale);
  EXPECT_EQ(table_->Pin(handle).status(), Status::kStale);
  EXPECT_EQ(table_->Stats().live, 0u);
}

TEST_F(CdsReclamationTest, PinnedObjectOutlivesItsDeletion) {
  std::atomic<bool> gone{false};
  const Handle handle = table_->Emplace([&] { gone = true; });
  {
    const Table::Pinned pinned = table_->Pin(handle);
    ASSERT_TRUE(pinned);
    EXPECT_EQ(table_->Delete(handle), Status::kOk);
    const int before = destroyed;
    ASSERT_TRUE(ChurnUntil([&] { return destroyed > before; }))
        << "libcds never destroys anything";
    EXPECT_TRUE(pinned->IsAlive());
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(ChurnUntil([&] { return gone.load(); }));
}

TEST_F(CdsReclamationTest, AnyNumberOfPins) {
  const Handle handle = table_->Emplace();
  std::vector<Table::Pinned> pins;
  for (int i = 0; i < 1000; ++i) pins.push_back(table_->Pin(handle));
  EXPECT_EQ(table_->Delete(handle), Status::kOk);
  for (const Table::Pinned& pinned : pins) EXPECT_TRUE(pinned->IsAlive());
}

TEST_F(CdsReclamationTest, FullTableTakesWhatIsUnused) {
  for (int i = 0; i < 100000; ++i) {
    const Handle handle = table_->Emplace();
    ASSERT_NE(handle, kNullHandle) << i;
    ASSERT_EQ(table_->Delete(handle), Status::kOk);
  }
}

TEST_F(CdsReclamationTest, TableDestroysWhatOtherThreadsHaveDeleted) {
  std::promise<void> deleted, end;
  std::thread other([&] {
    for (int i = 0; i < 50; ++i)
      EXPECT_EQ(table_->Delete(table_->Emplace()), Status::kOk);
    deleted.set_value();
    end.get_future().wait();
    // Its list still points to the slots of the old table.
    Table another(10);
    for (int i = 0; i < 10000; ++i)
      EXPECT_EQ(another.Delete(another.Emplace()), Status::kOk);
  });
  deleted.get_future().wait();
  EXPECT_EQ(table_->Delete(table_->Emplace()), Status::kOk);
  EXPECT_EQ(constructed, 51);
  table_.reset();
  EXPECT_EQ(destroyed, 51);
  end.set_value();
  other.join();
}

TEST_F(CdsReclamationTest, DestructorMayCallTheTable) {
  Handle last = table_->Emplace();
  for (int i = 0; i < 50; ++i) {
    last = table_->Emplace([this, last] {
      EXPECT_EQ(table_->Delete(last), Status::kOk);
      const Handle made = table_->Emplace();
      EXPECT_EQ(table_->Delete(made), Status::kOk);
    });
  }
  EXPECT_EQ(table_->Delete(last), Status::kOk);
  EXPECT_TRUE(ChurnUntil([&] { return table_->Stats().live == 0; }));
}

TEST_F(CdsReclamationTest, WhatDestructorsMakeIsDestroyedWithTheTable) {
  Table& table = *table_;
  const Handle handle = table.Emplace([&table] {
    EXPECT_NE(table.Emplace(), kNullHandle);
    EXPECT_EQ(table.Delete(table.Emplace()), Status::kOk);
  });
  EXPECT_EQ(table.Delete(handle), Status::kOk);
  std::unique_ptr<Table> retired = std::move(table_);
  retired.reset();
  EXPECT_EQ(constructed, 3);
  EXPECT_EQ(destroyed, 3);
}

TEST_F(CdsReclamationTest, ThreadsComeAndGo) {
  for (int i = 0; i < 500; ++i) {
    std::thread([&] {
      const Handle handle = table_->Emplace();
      EXPECT_TRUE(table_->Pin(handle));
      EXPECT_EQ(table_->Delete(handle), Status::kOk);
    }).join();
  }
}

TEST_F(CdsReclamationTest, GuestsCanDoAll) {
  std::thread([&] {
    internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    for (int i = 0; i < 1000; ++i) {
      const Handle handle = table_->Emplace();
      EXPECT_TRUE(table_->Pin(handle));
      EXPECT_EQ(table_->Delete(handle), Status::kOk);
    }
  }).join();
}

// Threads replace the objects of a few shared handles and use those of others.
TEST(CdsReclamationStressTest, PinnedObjectsStayAlive) {
  constexpr unsigned kThreads = 4;
  constexpr int kRounds = testing::kSanitized ? 20000 : 200000;
  constructed = destroyed = 0;
  std::atomic<std::size_t> used{0};
  {
    Table table(4000);
    std::atomic<Handle> shared[8] = {};
    for (std::atomic<Handle>& handle : shared) handle = table.Emplace();
    testing::RunThreads(kThreads, [&](unsigned thread) {
      for (int i = 0; i < kRounds; ++i) {
        std::atomic<Handle>& place = shared[(i * 5 + thread) % 8];
        if (i % 4 == 0) {
          const Handle made = table.Emplace();
          ASSERT_NE(made, kNullHandle);
          ASSERT_EQ(table.Delete(place.exchange(made)), Status::kOk);
        } else if (const Table::Pinned pinned = table.Pin(place.load())) {
          ASSERT_TRUE(pinned->IsAlive());
          ++used;
        }
      }
    });
    const ObjectTableStats stats = table.Stats();
    EXPECT_EQ(stats.live, 8u);
    EXPECT_EQ(static_cast<std::size_t>(constructed - destroyed),
              stats.live + stats.retired_objects);
  }
  EXPECT_EQ(constructed, destroyed);
  EXPECT_GT(used, 0u);
}

}  // namespace
}  // namespace haft
