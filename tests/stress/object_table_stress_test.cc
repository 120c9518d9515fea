// Stress tests of ObjectTable: many threads on one table. Nothing is used after
// its destruction, everything is destroyed once, and no slot is lost.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "haft/global_free_list.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::Barrier;
using testing::RunThreads;

using testing::kSanitized;
using testing::kWordBits;
using testing::TestTraits;

constexpr unsigned kSlowdown = kSanitized ? 10 : 1;

std::atomic<int> constructed{0}, destroyed{0};

// Its words follow from the first, so that a use after its destruction, or as
// another object, is noticed. They are plain data, so that ThreadSanitizer
// notices races.
class Tracked {
 public:
  explicit Tracked(Word seed) { Fill(seed), ++constructed; }
  Tracked(Tracked&& other) noexcept : Tracked(other.words_[0]) {
    other.deleted = true;
  }
  ~Tracked() {
    EXPECT_TRUE(IsWhole());
    deleted = true;
    Fill(0);
    words_[1] = 1;
    ++destroyed;
  }

  bool IsWhole() const {
    Word seed = words_[0];
    for (const volatile Word& word : words_) {
      if (word != seed) return false;
      seed = seed * 0x9e3779b1u + 12345;
    }
    return true;
  }

  // Moves and destroys it, which must not happen while a thread has it pinned.
  std::atomic<bool> deleted{false};

 private:
  void Fill(Word seed) {
    for (volatile Word& word : words_) {
      word = seed;
      seed = seed * 0x9e3779b1u + 12345;
    }
  }

  volatile Word words_[6];
};

template <typename Traits>
class ObjectTableStressTest : public ::testing::Test {
 protected:
  using Table = ObjectTable<Tracked, Traits>;
  using Shared = std::array<std::atomic<Word>, 16>;

  ObjectTableStressTest() { constructed = destroyed = 0; }
  ~ObjectTableStressTest() override {
    EXPECT_EQ(table_.Stats().retired_objects, 0u);
    ExpectConservation();
    table_.Clear();
    EXPECT_EQ(table_.Stats().live, 0u);
    EXPECT_EQ(constructed, destroyed);
  }

  // No other thread may be inside a call.
  void ExpectConservation() {
    std::size_t live = 0, free = 0;
    table_.ForEach([&](Handle, Tracked& object) {
      ++live;
      EXPECT_TRUE(object.IsWhole());
    });
    internal::Inspector::ForEachFree(table_, [&](Handle) { ++free; });
    const ObjectTableStats stats = table_.Stats();
    EXPECT_EQ(stats.live, live);
    EXPECT_EQ(live + stats.retired_objects + free + stats.exhausted_slots,
              stats.high_water);
  }

  // Makes random calls on shared handles in `threads` threads, the first
  // `uncached_callers` of which have no index.
  void Churn(unsigned threads, unsigned uncached_callers, unsigned ops) {
    Shared shared{};
    RunThreads(threads, [&](unsigned t) {
      if (t < uncached_callers)
        internal::sync::ThisThread().exited.store(true,
                                                  std::memory_order_relaxed);
      std::minstd_rand random(t + 1);
      std::vector<typename Table::Pinned> pins;
      for (unsigned i = 0; i < ops; ++i) Step(shared, pins, random);
    });
  }

  Table table_{64};

 private:
  void Step(Shared& shared, std::vector<typename Table::Pinned>& pins,
            std::minstd_rand& random) {
    std::atomic<Word>& place = shared[random() % shared.size()];
    const Handle handle(place.load());
    switch (random() % 10) {
      case 0:
      case 1:
      case 2: {
        const Handle made = table_.Emplace(random());
        if (made == kNullHandle) break;
        const Handle old(place.exchange(static_cast<Word>(made)));
        const Status status = table_.Delete(old);
        ASSERT_TRUE(status == Status::kOk || status == Status::kStale ||
                    status == Status::kNull);
        ASSERT_NE(table_.Check(old), Status::kOk);
        break;
      }
      case 3:
      case 4: {
        auto pin = table_.Pin(handle);
        if (!pin) break;
        ASSERT_TRUE(pin->IsWhole());
        ASSERT_FALSE(pin->deleted);
        if (random() % 4 == 0) pins.push_back(std::move(pin));
        break;
      }
      case 5:
        if (pins.empty()) break;
        ASSERT_TRUE(pins.back()->IsWhole());
        ASSERT_FALSE(pins.back()->deleted);
        if (random() % 2 == 0) std::swap(pins.front(), pins.back());
        pins.pop_back();
        break;
      case 6:
        (void)table_.Delete(handle);
        break;
      case 7:
        (void)table_.DeleteUnlessPinned(handle);
        break;
      case 8:
        if (const auto taken = table_.Take(handle)) {
          ASSERT_TRUE(taken->IsWhole());
        }
        break;
      case 9: {
        typename Table::ReadScope scope(table_);
        for (unsigned n = random() % 4; n < 4; ++n) {
          const Handle wanted(shared[random() % shared.size()].load());
          Tracked* const found = scope.Find(wanted);
          if (found == nullptr) continue;
          ASSERT_TRUE(found->IsWhole());
          if (random() % 4 == 0) (void)table_.Delete(wanted);
          ASSERT_TRUE(found->IsWhole());
        }
        break;
      }
    }
    if (pins.size() > 20) pins.erase(pins.begin(), pins.begin() + 10);
  }
};
using AllTraits =
    ::testing::Types<TestTraits<MagazineFreeList>, TestTraits<GlobalFreeList>,
                     TestTraits<StripedFreeList>, testing::CountedTraits>;
TYPED_TEST_SUITE(ObjectTableStressTest, AllTraits);

TYPED_TEST(ObjectTableStressTest, Churn) {
  this->Churn(4, 0, 400000 / kSlowdown);
}
TYPED_TEST(ObjectTableStressTest, ChurnWithUncachedCallers) {
  this->Churn(4, 2, 200000 / kSlowdown);
}

TYPED_TEST(ObjectTableStressTest, OneOfRacingDeletesSucceeds) {
  auto& table = this->table_;
  constexpr unsigned kThreads = 4;
  constexpr unsigned kRounds = 1500 / kSlowdown;
  constexpr unsigned kHandles = 20;
  Handle handles[kHandles];
  std::atomic<unsigned> winners[kHandles] = {};
  Barrier barrier(kThreads);
  RunThreads(kThreads, [&](unsigned t) {
    for (unsigned round = 0; round < kRounds; ++round) {
      if (t == 0) {
        for (Handle& handle : handles) handle = table.Emplace(round);
        for (auto& winner : winners) winner = 0;
      }
      barrier.Wait();
      for (unsigned i = 0; i < kHandles; ++i) {
        const Handle handle = handles[i];
        Status status = Status::kPinned;
        switch ((t + i + round) % 5) {
          case 0:
            status = table.Delete(handle);
            break;
          case 1:
            status = table.DeleteUnlessPinned(handle);
            break;
          case 2:
            (void)table.Take(handle, &status);
            break;
          case 3: {
            auto pin = table.Pin(handle);
            status = table.Delete(handle);
            break;
          }
          case 4:
            table.DeleteBatch(&handle, 1, &status);
            break;
        }
        if (status == Status::kOk) {
          ++winners[i];
        } else {
          ASSERT_TRUE(status == Status::kStale || status == Status::kPinned);
        }
      }
      barrier.Wait();
      if (t == 0) {
        for (unsigned i = 0; i < kHandles; ++i) {
          const bool live = table.Delete(handles[i]) == Status::kOk;
          ASSERT_EQ(winners[i] + live, 1u);
        }
        ASSERT_EQ(table.Stats().retired_objects, 0u);
      }
    }
  });
}

// An object that has been taken has neither earlier nor later pins.
template <typename Table>
void TestTakeAgainstPins(Table& table, unsigned takers,
                         std::chrono::milliseconds time) {
  constexpr unsigned kPinners = 2;
  // At least kLeast are taken, however long that takes, but no more than kMost,
  // because 4 slots of 32-bit handles may have only 65,536 generations.
  constexpr unsigned kLeast = 100;
  constexpr unsigned kMost =
      kWordBits < 64 ? 50000 : std::numeric_limits<unsigned>::max();
  std::atomic<Word> shared{static_cast<Word>(table.Emplace(1))};
  std::atomic<unsigned> taken{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> pinners;
  for (unsigned t = 0; t < kPinners; ++t) {
    pinners.emplace_back([&] {
      unsigned i = 0;
      while (!stop) {
        // Mostly without a pin. If takers ran only while a pinner does not,
        // they would otherwise find its pin each time.
        if (++i % 64 == 0) std::this_thread::yield();
        auto pin = table.Pin(Handle(shared.load()));
        if (!pin) continue;
        for (unsigned n = i % 16; n < 16; ++n) {
          ASSERT_FALSE(pin->deleted) << "taken while pinned";
          ASSERT_TRUE(pin->IsWhole());
        }
        if (i % 512 == 0) std::this_thread::yield();
        ASSERT_FALSE(pin->deleted) << "taken while pinned";
      }
    });
  }
  RunThreads(takers, [&](unsigned t) {
    const auto end = std::chrono::steady_clock::now() + time;
    const auto is_over = [&] {
      return taken >= kMost ||
             (taken >= kLeast && std::chrono::steady_clock::now() >= end);
    };
    for (unsigned i = 0; i % 64 != 0 || !is_over(); ++i) {
      const Handle handle(shared.load());
      Status status;
      if ((i + t) % 2 == 0) {
        status = table.DeleteUnlessPinned(handle);
      } else {
        (void)table.Take(handle, &status);
      }
      if (status != Status::kOk) {
        ASSERT_TRUE(status == Status::kPinned || status == Status::kStale);
        // Another thread is about to make the next object.
        if (status == Status::kStale) std::this_thread::yield();
        continue;
      }
      ++taken;
      Handle made;
      while (made == kNullHandle) made = table.Emplace(i);
      shared.store(static_cast<Word>(made));
    }
  });
  stop = true;
  for (std::thread& pinner : pinners) pinner.join();
}

TYPED_TEST(ObjectTableStressTest, NothingIsTakenWhilePinned) {
  TestTakeAgainstPins(this->table_, 2, std::chrono::milliseconds(200));
}

// There are few slots, so that few words distinguish one freezing from another.
TEST(ObjectTableSmallStressTest, NothingIsTakenWhilePinned) {
  constructed = destroyed = 0;
  {
    ObjectTable<Tracked, TestTraits<GlobalFreeList>> table(4);
    TestTakeAgainstPins(table, 4, std::chrono::milliseconds(600));
  }
  EXPECT_EQ(constructed, destroyed);
}

TYPED_TEST(ObjectTableStressTest, StuckPinHoldsBackItsObjectOnly) {
  auto& table = this->table_;
  const Handle held = table.Emplace(7);
  Barrier barrier(2);
  std::thread stuck([&] {
    auto pin = table.Pin(held);
    barrier.Wait();
    barrier.Wait();
    EXPECT_TRUE(pin->IsWhole());
    EXPECT_EQ(constructed, destroyed + 1);
  });
  barrier.Wait();
  EXPECT_EQ(table.Delete(held), Status::kOk);
  RunThreads(3, [&](unsigned t) {
    for (unsigned i = 0; i < 30000 / kSlowdown; ++i) {
      const Handle handle = table.Emplace(i);
      ASSERT_NE(handle, kNullHandle);
      if ((i + t) % 3 == 0) {
        auto pin = table.Pin(handle);
        ASSERT_EQ(table.Delete(handle), Status::kOk);
        ASSERT_TRUE(pin->IsWhole());
      } else if ((i + t) % 3 == 1) {
        ASSERT_EQ(table.DeleteUnlessPinned(handle), Status::kOk);
      } else {
        ASSERT_EQ(table.Delete(handle), Status::kOk);
      }
    }
  });
  EXPECT_EQ(table.Stats().retired_objects, 1u);
  this->ExpectConservation();
  barrier.Wait();
  stuck.join();
}

// Indices are used again, and marks are closed and opened.
TYPED_TEST(ObjectTableStressTest, ThreadsComeAndGo) {
  auto& table = this->table_;
  std::array<std::atomic<Word>, 4> shared{};
  for (auto& place : shared)
    place = static_cast<Word>(table.Emplace(place.load()));
  RunThreads(2, [&](unsigned t) {
    for (unsigned round = 0; round < 300 / kSlowdown; ++round) {
      PinWords left{};
      std::thread([&] {
        for (unsigned i = 0; i < 20; ++i) {
          auto pin = table.Pin(Handle(shared[i % 4].load()));
          if (pin) {
            ASSERT_TRUE(pin->IsWhole());
          }
          if (i == 19) left = pin.Detach();
        }
      }).join();
      // These are more scans than it takes to close the marks of threads that
      // have ended.
      for (unsigned i = 0; i < 100; ++i) {
        const Handle made = table.Emplace(i);
        ASSERT_NE(made, kNullHandle);
        const Handle old(shared[(i + t) % 4].exchange(static_cast<Word>(made)));
        ASSERT_EQ(table.Delete(old), Status::kOk);
      }
      auto pin = ObjectTable<Tracked, TypeParam>::Pinned::Attach(left);
      if (pin) {
        ASSERT_TRUE(pin->IsWhole());
      }
    }
  });
}

// Two threads unpin an object, one of which then deletes it; a third pin may be
// left. The object is destroyed once, by the last of them.
template <typename Traits>
void UnpinAgainstDelete(ObjectTable<Tracked, Traits>& table) {
  constexpr unsigned kRounds = 15000 / kSlowdown;
  using Pinned = typename ObjectTable<Tracked, Traits>::Pinned;
  std::vector<Pinned> pins;
  Handle handle;
  Barrier barrier(2);
  RunThreads(2, [&](unsigned t) {
    for (unsigned i = 0; i < kRounds; ++i) {
      if (t == 0) {
        handle = table.Emplace(i);
        for (unsigned n = 0; n < 2 + i % 2; ++n)
          pins.push_back(table.Pin(handle));
      }
      barrier.Wait();
      for (unsigned spin = i * (t + 1) % 64; spin != 0; --spin)
        std::atomic_signal_fence(std::memory_order_seq_cst);
      pins[t].Unpin();
      if (t == 1) {
        ASSERT_EQ(table.Delete(handle), Status::kOk);
      }
      barrier.Wait();
      if (t == 0) {
        ASSERT_EQ(constructed, destroyed + static_cast<int>(i % 2));
        pins.clear();
        ASSERT_EQ(constructed, destroyed);
      }
    }
  });
}

TYPED_TEST(ObjectTableStressTest, UnpinRacesDelete) {
  UnpinAgainstDelete(this->table_);
}

// If the system has no asymmetric barrier, unpinning is an exchange.
TYPED_TEST(ObjectTableStressTest, UnpinRacesDeleteWithoutHeavyBarrier) {
  const bool had = internal::sync::HasHeavyBarrier();
  internal::sync::has_heavy_barrier.store(false, std::memory_order_relaxed);
  UnpinAgainstDelete(this->table_);
  internal::sync::has_heavy_barrier.store(had, std::memory_order_relaxed);
}

TYPED_TEST(ObjectTableStressTest, ScopesRaceDeletes) {
  auto& table = this->table_;
  constexpr unsigned kRounds = 30000 / kSlowdown;
  std::array<std::atomic<Word>, 8> shared{};
  RunThreads(4, [&](unsigned t) {
    std::minstd_rand random(t + 1);
    for (unsigned i = 0; i < kRounds; ++i) {
      if (t < 2) {
        typename ObjectTable<Tracked, TypeParam>::ReadScope scope(table);
        Tracked* found[8];
        for (unsigned n = 0; n < 8; ++n) {
          found[n] = scope.Find(Handle(shared[n].load()));
          if (found[n] != nullptr) {
            ASSERT_TRUE(found[n]->IsWhole());
          }
        }
        for (const Tracked* object : found) {
          if (object != nullptr) {
            ASSERT_TRUE(object->IsWhole());
          }
        }
      } else {
        Handle made;
        // The table is full while a scope holds all objects back.
        while ((made = table.Emplace(i)) == kNullHandle)
          std::this_thread::yield();
        const Handle old(
            shared[random() % 8].exchange(static_cast<Word>(made)));
        auto pin = table.Pin(i % 4 == 0 ? old : kNullHandle);
        if (old != kNullHandle) {
          ASSERT_EQ(table.Delete(old), Status::kOk);
        }
        if (pin) {
          ASSERT_TRUE(pin->IsWhole());
        }
      }
    }
  });
}

}  // namespace
}  // namespace haft
