// Stress tests of HandleTable: many threads on one table of each kind. At the
// end no slot is lost.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <type_traits>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "haft/striped_free_list.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::Barrier;
using testing::RunThreads;

constexpr unsigned kSlowdown = testing::kSanitized ? 10 : 1;

using testing::CompactTestTraits;
using testing::ExpectConservation;
using testing::SmallLayout;
using testing::TestTraits;
using testing::TinyLayout;
using testing::WideLayout;

// The words follow from the first, so that a mixture of two values is noticed.
template <unsigned kWords>
struct Payload {
  static Payload Of(Word seed) {
    Payload payload;
    for (Word& word : payload.words) {
      word = seed;
      seed = seed * 0x9e3779b1u + 12345;
    }
    return payload;
  }
  Word seed() const { return words[0]; }
  bool IsWhole() const { return *this == Of(seed()); }
  friend bool operator==(const Payload& a, const Payload& b) {
    return a.words == b.words;
  }

  std::array<Word, kWords> words;
};

template <typename TraitsT, unsigned kWordsV>
struct Config {
  using Traits = TraitsT;
  using FreeList = typename Traits::FreeList;
  using Layout = typename Traits::Layout;
  using Value = Payload<kWordsV>;
  using Table = testing::TableOf<Value, Traits>;

  static constexpr bool kTiny = Layout::kSlots <= 4;
  // Few enough generations for a test to use them up.
  static constexpr bool kFewGenerations = Layout::Generation::kWidth <= 4;
  static constexpr bool kWraps =
      kFewGenerations && Traits::kExhaustion == Exhaustion::kWrap;
  static constexpr bool kExhausts =
      kFewGenerations && Traits::kExhaustion == Exhaustion::kDropSlot;
  // Whether New may answer "full" while a Delete is in progress.
  static constexpr bool kMayBeFullEarly = std::is_same_v<FreeList, CdsFreeList>;

  static constexpr std::size_t kCapacity = kTiny ? 4 : 1000;
  static std::size_t Slots() {
    return FreeList::SlotsFor(kCapacity, Layout::kSlots);
  }
};

// At most 7 generations, and room for magazines of one handle.
using ShortLayout = HandleLayout<12, 3>;

using Configs = ::testing::Types<
    Config<TestTraits<MagazineFreeList>, 1>,
    Config<TestTraits<MagazineFreeList>, 4>,
    Config<TestTraits<BasicMagazineFreeList<1>>, 2>,
    Config<TestTraits<BasicMagazineFreeList<3>>, 4>,
    Config<TestTraits<StripedFreeList>, 2>,
    Config<TestTraits<GlobalFreeList>, 4>, Config<TestTraits<CdsFreeList>, 2>,
    Config<TestTraits<MagazineFreeList, Layout32<>>, 2>,
    Config<TestTraits<MagazineFreeList, WideLayout>, 4>,
    Config<TestTraits<StripedFreeList, WideLayout>, 1>,
    Config<TestTraits<MagazineFreeList, SmallLayout>, 2>,
    Config<TestTraits<MagazineFreeList, ShortLayout>, 2>,
    Config<TestTraits<MagazineFreeList, ShortLayout, Exhaustion::kWrap>, 4>,
    Config<TestTraits<MagazineFreeList, TinyLayout>, 2>,
    Config<TestTraits<MagazineFreeList, TinyLayout, Exhaustion::kWrap>, 1>,
    Config<TestTraits<StripedFreeList, TinyLayout, Exhaustion::kWrap>, 4>,
    Config<TestTraits<GlobalFreeList, TinyLayout, Exhaustion::kWrap>, 2>,
    Config<TestTraits<CdsFreeList, TinyLayout, Exhaustion::kWrap>, 2>,
    Config<CompactTestTraits<MagazineFreeList>, 1>,
    Config<CompactTestTraits<MagazineFreeList, ShortLayout>, 1>,
    Config<CompactTestTraits<GlobalFreeList, TinyLayout, Exhaustion::kWrap>,
           1>>;

// Makes the calling thread one without a cache.
void BecomeUncached() {
  internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
}

// Returns a value that no other call gets.
Word Seed(unsigned thread, unsigned i) { return Word{thread} << 28 | i; }

template <typename C>
class HandleTableStressTest : public ::testing::Test {
 protected:
  using Table = typename C::Table;
  using Value = typename C::Value;

  ~HandleTableStressTest() override { ExpectConservation(table_); }

  Handle New(Word seed) { return table_.New(Value::Of(seed)); }
  // Deletes a handle that the caller has made with `seed` and that no other
  // thread has deleted, and expects its value.
  void ExpectDelete(Handle handle, Word seed) {
    const std::optional<Value> value = table_.Delete(handle);
    ASSERT_TRUE(value.has_value());
    ASSERT_EQ(*value, Value::Of(seed));
  }

  Table table_{C::kCapacity};
};
TYPED_TEST_SUITE(HandleTableStressTest, Configs);

TYPED_TEST(HandleTableStressTest, ChurnNeverRepeatsAHandle) {
  using C = TypeParam;
  using Value = typename C::Value;
  constexpr unsigned kThreads = 4;
  constexpr unsigned kOps = 150000 / kSlowdown;
  constexpr unsigned kLive = C::kTiny ? 1 : 16;
  auto& table = this->table_;
  std::vector<std::vector<Handle>> made(kThreads);
  RunThreads(kThreads, [&](unsigned t) {
    std::minstd_rand random(t + 1);
    struct {
      Handle handle;
      Word seed;
    } live[kLive] = {};
    for (unsigned i = 0; i < kOps + kLive; ++i) {
      auto& cell = live[i < kOps ? random() % kLive : i - kOps];
      if (cell.handle != kNullHandle) {
        ASSERT_EQ(table.Value(cell.handle), Value::Of(cell.seed));
        this->ExpectDelete(cell.handle, cell.seed);
        if (!C::kWraps) {
          ASSERT_EQ(table.Value(cell.handle), std::nullopt);
          ASSERT_EQ(table.Delete(cell.handle), std::nullopt);
          ASSERT_EQ(table.Check(cell.handle), Status::kStale);
        }
        cell.handle = kNullHandle;
      }
      if (i >= kOps) continue;
      cell.seed = Seed(t, i);
      cell.handle = this->New(cell.seed);
      if (cell.handle == kNullHandle) {
        ASSERT_TRUE(C::kExhausts || C::kMayBeFullEarly);
        continue;
      }
      ASSERT_EQ(table.Value(cell.handle), Value::Of(cell.seed));
      ASSERT_EQ(table.Check(cell.handle), Status::kOk);
      made[t].push_back(cell.handle);
    }
  });
  std::vector<Handle> all;
  for (auto& part : made) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  if (!C::kWraps) {
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  }
  EXPECT_EQ(table.Stats().created, all.size());
  EXPECT_EQ(table.Stats().live, 0u);
  if (C::kTiny && C::kExhausts) {
    EXPECT_EQ(all.size(), C::Layout::kSlots * C::Layout::Generation::kMax);
    EXPECT_EQ(table.Stats().exhausted_slots, C::Layout::kSlots);
    EXPECT_EQ(table.Stats().capacity, 0u);
  }
}

// A ring between one thread and one other.
class Ring {
 public:
  void Push(Handle handle) {
    const unsigned tail = tail_.load(std::memory_order_relaxed);
    while (tail - head_.load(std::memory_order_acquire) == kSize)
      std::this_thread::yield();
    handles_[tail % kSize] = handle;
    tail_.store(tail + 1, std::memory_order_release);
  }
  Handle Pop() {
    const unsigned head = head_.load(std::memory_order_relaxed);
    while (head == tail_.load(std::memory_order_acquire))
      std::this_thread::yield();
    const Handle handle = handles_[head % kSize];
    head_.store(head + 1, std::memory_order_release);
    return handle;
  }

 private:
  static constexpr unsigned kSize = 64;

  Handle handles_[kSize];
  alignas(128) std::atomic<unsigned> head_{0};
  alignas(128) std::atomic<unsigned> tail_{0};
};

TYPED_TEST(HandleTableStressTest, OneThreadMakesWhatAnotherDeletes) {
  using C = TypeParam;
  constexpr unsigned kPairs = 2;
  constexpr unsigned kOps = 150000 / kSlowdown;
  Ring rings[kPairs];
  const auto make = [&](unsigned pair) {
    for (unsigned i = 0; i < kOps; ++i) {
      Handle handle = this->New(Seed(pair, i));
      if (C::kExhausts && handle == kNullHandle) return;
      // A tiny table is full until the other thread deletes.
      if (!C::kTiny && !C::kMayBeFullEarly) {
        ASSERT_NE(handle, kNullHandle);
      }
      while (handle == kNullHandle) {
        std::this_thread::yield();
        handle = this->New(Seed(pair, i));
      }
      rings[pair].Push(handle);
    }
  };
  RunThreads(2 * kPairs, [&](unsigned t) {
    const unsigned pair = t / 2;
    if (t % 2 == 0) {
      make(pair);
      rings[pair].Push(kNullHandle);
      return;
    }
    unsigned i = 0;
    while (const Handle handle = rings[pair].Pop())
      this->ExpectDelete(handle, Seed(pair, i++));
    if (!C::kExhausts) {
      EXPECT_EQ(i, kOps);
    }
  });
  EXPECT_EQ(this->table_.Stats().live, 0u);
}

TYPED_TEST(HandleTableStressTest, OneOfRacingDeletesWins) {
  using C = TypeParam;
  using Value = typename C::Value;
  constexpr unsigned kThreads = 4;
  constexpr unsigned kRounds = 3000 / kSlowdown;
  constexpr unsigned kHandles = C::kTiny ? 4 : 48;
  Handle handles[kHandles];
  std::array<std::atomic<unsigned>, kHandles> winners{};
  const auto expect_one_winner_each = [&] {
    for (unsigned i = 0; i < kHandles; ++i) {
      EXPECT_EQ(winners[i], handles[i] == kNullHandle ? 0u : 1u);
    }
  };
  Barrier barrier(kThreads);
  RunThreads(kThreads, [&](unsigned t) {
    for (unsigned round = 0; round < kRounds; ++round) {
      // The threads take turns to make the handles.
      if (round % kThreads == t) {
        expect_one_winner_each();
        for (unsigned i = 0; i < kHandles; ++i) {
          winners[i] = 0;
          handles[i] = this->New(Seed(round, i));
          if (!C::kExhausts) {
            EXPECT_NE(handles[i], kNullHandle);
          }
        }
      }
      barrier.Wait();
      for (unsigned k = 0; k < kHandles; ++k) {
        // Threads begin at both ends, so that they meet.
        const unsigned i = t % 2 == 0 ? k : kHandles - 1 - k;
        if (const std::optional<Value> value =
                this->table_.Delete(handles[i])) {
          EXPECT_EQ(*value, Value::Of(Seed(round, i)));
          ++winners[i];
        }
      }
      barrier.Wait();
    }
  });
  expect_one_winner_each();
  EXPECT_EQ(this->table_.Stats().live, 0u);
}

// A handle and the seed of its value, read together or not at all.
class Cell {
 public:
  void Set(Handle handle, Word seed) {
    const unsigned version = version_;
    version_ = version + 1;
    handle_ = handle;
    seed_ = seed;
    version_ = version + 2;
  }
  bool TryGet(Handle* handle, Word* seed) const {
    const unsigned version = version_;
    *handle = handle_;
    *seed = seed_;
    return version % 2 == 0 && version_ == version;
  }

 private:
  std::atomic<unsigned> version_{0};
  std::atomic<Handle> handle_{kNullHandle};
  std::atomic<Word> seed_{0};
};

// Readers look handles up while writers delete them and reuse their slots. A
// handle answers with its own value or not at all.
TYPED_TEST(HandleTableStressTest, ReadersSeeTheHandlesOwnValueOrNone) {
  using C = TypeParam;
  using Value = typename C::Value;
  constexpr unsigned kWriters = 2, kReaders = 2;
  constexpr unsigned kOps = 150000 / kSlowdown;
  constexpr unsigned kCells = C::kTiny ? 4 : 8;
  Cell cells[kCells];
  const auto write = [&](unsigned t) {
    std::minstd_rand random(t + 1);
    for (unsigned i = 0; i < kOps; ++i) {
      Cell& cell = cells[random() % (kCells / kWriters) * kWriters + t];
      Handle handle;
      Word seed;
      ASSERT_TRUE(cell.TryGet(&handle, &seed));
      if (handle != kNullHandle) this->ExpectDelete(handle, seed);
      seed = Seed(t, i);
      handle = this->New(seed);
      if (handle == kNullHandle) {
        ASSERT_TRUE(C::kExhausts || C::kMayBeFullEarly);
      }
      cell.Set(handle, seed);
    }
  };
  std::atomic<unsigned> writers_left{kWriters};
  RunThreads(kWriters + kReaders, [&](unsigned t) {
    if (t < kWriters) {
      write(t);
      --writers_left;
      return;
    }
    bool last_pass;
    do {
      // After the writers have ended, all handles must be found.
      last_pass = writers_left == 0;
      for (const Cell& cell : cells) {
        Handle handle;
        Word seed;
        if (!cell.TryGet(&handle, &seed)) continue;
        const std::optional<Value> value = this->table_.Value(handle);
        if (value.has_value()) {
          // If generations wrap, a lookup that takes a full cycle of them may
          // find a later value, or parts of two.
          if (!C::kWraps || last_pass) {
            ASSERT_TRUE(value->IsWhole());
            ASSERT_EQ(value->seed(), seed);
          }
        } else if (last_pass) {
          ASSERT_EQ(handle, kNullHandle);
        }
      }
    } while (!last_pass);
  });
}

// All threads take until nothing is left, then all give everything back.
TYPED_TEST(HandleTableStressTest, AllDrainAndAllPutBack) {
  using C = TypeParam;
  constexpr unsigned kThreads = 4;
  const std::size_t slots = C::Slots();
  const unsigned rounds =
      1 + static_cast<unsigned>(1000000 / kSlowdown / (slots + 4000));
  std::vector<std::vector<Handle>> taken(kThreads);
  Barrier barrier(kThreads);
  RunThreads(kThreads, [&](unsigned t) {
    for (unsigned round = 0; round < rounds; ++round) {
      const std::size_t exhausted = this->table_.Stats().exhausted_slots;
      taken[t].clear();
      while (const Handle handle = this->New(Seed(t, round)))
        taken[t].push_back(handle);
      barrier.Wait();
      if (t == 0) {
        std::size_t sum = 0;
        for (const auto& part : taken) sum += part.size();
        EXPECT_EQ(sum, slots - exhausted);
        EXPECT_EQ(this->table_.Stats().live, sum);
        testing::ForEachFree(this->table_,
                             [](Handle) { ADD_FAILURE() << "left"; });
      }
      barrier.Wait();
      // Each thread puts back the handles that another has taken.
      const unsigned other = (t + round) % kThreads;
      for (Handle handle : taken[other])
        this->ExpectDelete(handle, Seed(other, round));
      barrier.Wait();
    }
  });
  EXPECT_EQ(this->table_.Stats().live, 0u);
}

// A few handles that every thread may put or take.
class Bag {
 public:
  explicit Bag(std::size_t size) : cells_(size) {}

  // There is room.
  void Put(Handle handle) {
    for (std::size_t i = 0;; i = (i + 1) % cells_.size()) {
      Handle none = kNullHandle;
      if (cells_[i].compare_exchange_strong(none, handle)) return;
    }
  }
  Handle TryTake() {
    for (std::atomic<Handle>& cell : cells_) {
      if (cell.load(std::memory_order_relaxed) == kNullHandle) continue;
      if (const Handle handle = cell.exchange(kNullHandle)) return handle;
    }
    return kNullHandle;
  }

 private:
  std::vector<std::atomic<Handle>> cells_;
};

// The table has exactly as many slots as the threads may hold together, after
// the slots that caches can strand are taken away, so New must never fail. The
// threads take turns to make most of the handles that the others delete, so
// that caches run full and empty.
template <typename C>
void ExpectNeverFullWithinBudget(typename C::Table* table,
                                 unsigned uncached_callers) {
  using Value = typename C::Value;
  constexpr unsigned kThreads = 4;
  constexpr unsigned kOps = 150000 / kSlowdown;
  constexpr unsigned kTurn = 2000;
  constexpr unsigned kBudget = C::kTiny ? 4 : 12;
  // The bound of MagazineFreeList: two magazines in the cache of each other
  // thread, all but one handle of each magazine that another uncached caller is
  // breaking up, and the handles that this thread's cache keeps when the
  // ballast is made.
  const std::size_t magazine =
      (C::Slots() - C::kCapacity) / (3 * internal::sync::kMaxCaches);
  const std::size_t other_owners = kThreads - std::max(uncached_callers, 1u);
  const std::size_t other_uncached_callers =
      uncached_callers == 0 ? 0 : uncached_callers - 1;
  const std::size_t stranded =
      (2 * other_owners + other_uncached_callers + 1) * magazine;
  std::vector<Handle> ballast(C::Slots() - kBudget - stranded);
  for (Handle& handle : ballast) {
    ASSERT_NE(handle = table->New(Value::Of(0)), kNullHandle);
  }
  Bag bag(kBudget);
  std::atomic<unsigned> used{0}, early{0};
  const auto try_delete = [&] {
    const Handle handle = bag.TryTake();
    if (handle == kNullHandle) return false;
    EXPECT_EQ(table->Delete(handle), Value::Of(1));
    --used;
    return true;
  };
  const auto try_make = [&] {
    if (used++ >= kBudget) {
      --used;
      return false;
    }
    if (const Handle handle = table->New(Value::Of(1))) {
      bag.Put(handle);
    } else {
      --used;
      ++early;
    }
    return true;
  };
  RunThreads(kThreads, [&](unsigned t) {
    if (t < uncached_callers) BecomeUncached();
    std::minstd_rand random(t + 1);
    for (unsigned i = 0; i < kOps; ++i) {
      const bool my_turn = i / kTurn % kThreads == t;
      const bool make = (random() % 16 == 0) != my_turn;
      if (!(make ? try_make() : try_delete())) std::this_thread::yield();
    }
  });
  if (!C::kMayBeFullEarly) {
    EXPECT_EQ(early, 0u) << "full too early";
  }
  while (used != 0) try_delete();
  for (Handle handle : ballast) {
    ASSERT_EQ(table->Delete(handle), Value::Of(0));
  }
  EXPECT_EQ(table->Stats().live, 0u);
}

TYPED_TEST(HandleTableStressTest, NewNeverFailsWithinTheCapacity) {
  if (TypeParam::kExhausts) GTEST_SKIP() << "the capacity shrinks here";
  ExpectNeverFullWithinBudget<TypeParam>(&this->table_, 0);
}

TYPED_TEST(HandleTableStressTest,
           NewNeverFailsWithinTheCapacityBesideUncachedCallers) {
  if (TypeParam::kExhausts) GTEST_SKIP() << "the capacity shrinks here";
  ExpectNeverFullWithinBudget<TypeParam>(&this->table_, 2);
}

TYPED_TEST(HandleTableStressTest, ForEachShowsStableHandlesOnceDuringChurn) {
  using C = TypeParam;
  using Value = typename C::Value;
  constexpr unsigned kStable = C::kTiny ? 2 : 100;
  constexpr unsigned kChurners = 2;
  constexpr unsigned kOps = 150000 / kSlowdown;
  std::map<Handle, Word> stable;
  while (stable.size() < kStable) {
    const Word seed = Seed(9, static_cast<unsigned>(stable.size()));
    const Handle handle = this->New(seed);
    ASSERT_NE(handle, kNullHandle);
    stable[handle] = seed;
    // Other slots are used and freed in between.
    if (!C::kTiny && stable.size() % 2 == 0)
      this->ExpectDelete(this->New(1), 1);
  }
  std::atomic<unsigned> churners_left{kChurners};
  RunThreads(kChurners + 1, [&](unsigned t) {
    if (t < kChurners) {
      for (unsigned i = 0; i < kOps; ++i) {
        if (const Handle handle = this->New(Seed(t, i)))
          this->ExpectDelete(handle, Seed(t, i));
      }
      --churners_left;
      return;
    }
    bool last_pass;
    do {
      last_pass = churners_left == 0;
      std::set<Handle> seen;
      unsigned seen_stable = 0;
      this->table_.ForEach([&](Handle handle, const Value& value) {
        ASSERT_TRUE(value.IsWhole());
        const auto found = stable.find(handle);
        if (found == stable.end()) return;
        ++seen_stable;
        ASSERT_EQ(value.seed(), found->second);
        ASSERT_TRUE(seen.insert(handle).second) << "seen twice";
      });
      ASSERT_EQ(seen_stable, kStable);
    } while (!last_pass);
  });
  for (const auto& [handle, seed] : stable) this->ExpectDelete(handle, seed);
}

TYPED_TEST(HandleTableStressTest, BatchesDoWhatSingleCallsDo) {
  using C = TypeParam;
  using Value = typename C::Value;
  constexpr unsigned kThreads = 3;
  constexpr unsigned kRounds = 1000 / kSlowdown;
  constexpr unsigned kLargest = C::kTiny ? 2 : 300;
  RunThreads(kThreads, [&](unsigned t) {
    std::minstd_rand random(t + 1);
    std::set<Handle> ever;
    for (unsigned round = 0; round < kRounds; ++round) {
      const unsigned count = random() % (kLargest + 1);
      std::vector<Value> values;
      for (unsigned i = 0; i < count; ++i)
        values.push_back(Value::Of(Seed(t, round * kLargest + i)));
      std::vector<Handle> handles(count);
      const std::size_t made =
          this->table_.NewBatch(values.data(), count, handles.data());
      if (!C::kTiny && !C::kExhausts && !C::kMayBeFullEarly) {
        ASSERT_EQ(made, count);
      }
      handles.resize(made);
      for (std::size_t i = 0; i < made; ++i) {
        ASSERT_EQ(this->table_.Value(handles[i]), values[i]);
        if (!C::kWraps) {
          ASSERT_TRUE(ever.insert(handles[i]).second);
        }
      }
      // Each handle is deleted twice, unless it may have been issued again
      // meanwhile.
      std::vector<Handle> batch = handles;
      if (!C::kWraps) batch.insert(batch.end(), handles.begin(), handles.end());
      std::shuffle(batch.begin(), batch.end(), random);
      std::vector<std::optional<Value>> deleted(batch.size());
      ASSERT_EQ(
          this->table_.DeleteBatch(batch.data(), batch.size(), deleted.data()),
          made);
      std::map<Handle, Value> result;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (deleted[i].has_value()) {
          ASSERT_TRUE(result.emplace(batch[i], *deleted[i]).second);
        }
      }
      ASSERT_EQ(result.size(), made);
      for (std::size_t i = 0; i < made; ++i)
        ASSERT_EQ(result.at(handles[i]), values[i]);
    }
  });
  EXPECT_EQ(this->table_.Stats().live, 0u);
}

}  // namespace
}  // namespace haft
