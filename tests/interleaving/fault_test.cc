// Tests in which everything that can fail fails in turn. The table reports it,
// nothing is lost, and the rest works.

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "haft/magazine_free_list.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

// ---------------------------------------------------------------------------
// Allocations of the tables, which are over-aligned, fail when told to

namespace haft::testing {
inline FaultPoint allocations;
}  // namespace haft::testing

void* operator new(std::size_t size, std::align_val_t alignment,
                   const std::nothrow_t&) noexcept {
  if (haft::testing::allocations.Fails()) return nullptr;
  const std::size_t unit = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  void* const memory = operator new(size, alignment, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// It is not inlined, because compilers would take the free for a mistake.
[[gnu::noinline]] void operator delete(void* memory,
                                       std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t,
                                       std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t,
                                       const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace haft {
namespace {

using testing::allocations;
using testing::Barrier;
using testing::barriers;
using testing::hooks;
using testing::kSanitized;
using testing::ranges;
using testing::reservations;
using testing::RunThreads;
using testing::TestTraits;

constexpr std::size_t kCapacity = 100;

std::atomic<int> objects{0};

// Counts itself. Its construction and its moves are calls that may fail.
class Counted {
 public:
  static inline testing::FaultPoint births;

  explicit Counted(Word value) : value_(value) { Count(); }
  Counted(Counted&& other) : value_(other.value_) { Count(); }
  ~Counted() { --objects; }
  Word value() const { return value_; }

 private:
  void Count() {
    if (births.Fails()) throw std::runtime_error("birth");
    ++objects;
  }

  Word value_;
};

// One name for the operation of each kind of table.
template <typename Traits>
Handle Make(HandleTable<Word, Traits>& table, Word value) {
  return table.New(value);
}
template <typename Traits>
Handle Make(ObjectTable<Counted, Traits>& table, Word value) {
  return table.Emplace(value);
}
template <typename Traits>
bool Has(HandleTable<Word, Traits>& table, Handle handle, Word value) {
  return table.Value(handle) == value;
}
template <typename Traits>
bool Has(ObjectTable<Counted, Traits>& table, Handle handle, Word value) {
  const auto pin = table.Pin(handle);
  return pin && pin->value() == value;
}
template <typename Traits>
bool End(HandleTable<Word, Traits>& table, Handle handle) {
  return table.Delete(handle).has_value();
}
template <typename Traits>
bool End(ObjectTable<Counted, Traits>& table, Handle handle) {
  return table.Delete(handle) == Status::kOk;
}

// Expects that each slot that was ever taken is live or waits under its next
// handle. No object may be retired.
template <typename Table>
void ExpectNoSlotLost(const Table& table) {
  std::set<Handle> free;
  internal::Inspector::ForEachFree(
      table, [&](Handle handle) { EXPECT_TRUE(free.insert(handle).second); });
  const auto stats = table.Stats();
  EXPECT_EQ(stats.live + free.size() + stats.exhausted_slots, stats.high_water);
}

// Expects that the empty table holds `capacity` and gives all back.
template <typename Table>
void ExpectUsable(Table& table, std::size_t capacity = kCapacity) {
  ASSERT_EQ(table.Stats().live, 0u);
  for (int round = 0; round < 2; ++round) {
    std::vector<Handle> handles;
    for (Word i = 0; i < capacity; ++i) {
      handles.push_back(Make(table, i));
      ASSERT_NE(handles.back(), kNullHandle) << i;
    }
    for (Word i = 0; i < capacity; ++i) ASSERT_TRUE(Has(table, handles[i], i));
    EXPECT_EQ(table.Stats().live, capacity);
    for (Handle handle : handles) EXPECT_TRUE(End(table, handle));
    for (Handle handle : handles) EXPECT_FALSE(End(table, handle));
  }
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectNoSlotLost(table);
}

template <typename Table>
class FaultTest : public ::testing::Test {
 protected:
  ~FaultTest() override { EXPECT_EQ(objects, 0); }
};

template <typename FreeList>
using Values = HandleTable<Word, TestTraits<FreeList>>;
template <typename FreeList>
using Objects = ObjectTable<Counted, TestTraits<FreeList>>;
using Tables =
    ::testing::Types<Values<MagazineFreeList>, Values<StripedFreeList>,
                     Values<GlobalFreeList>, Values<CdsFreeList>,
                     Objects<MagazineFreeList>, Objects<StripedFreeList>,
                     Objects<GlobalFreeList>, Objects<CdsFreeList>>;
TYPED_TEST_SUITE(FaultTest, Tables);

// ---------------------------------------------------------------------------
// Memory

TYPED_TEST(FaultTest, EachReservationFailsInTurn) {
  using Table = TypeParam;
  Table neighbour(kCapacity);
  const Handle kept = Make(neighbour, 7);
  const std::size_t before = ranges.count();
  reservations.Stop();
  Table::Create(kCapacity);
  const unsigned needed = reservations.Stop();
  EXPECT_GE(needed, 3u);
  EXPECT_EQ(ranges.count(), before);
  for (unsigned first = 1; first <= needed; ++first) {
    // This call fails alone, or with all calls after it.
    for (unsigned last : {first, needed}) {
      reservations.Fail(first, last);
      EXPECT_EQ(Table::Create(kCapacity), nullptr);
      EXPECT_EQ(ranges.count(), before) << first << ".." << last;
      reservations.Fail(first, last);
      EXPECT_THROW(Table{kCapacity}, std::bad_alloc);
      EXPECT_EQ(ranges.count(), before) << first << ".." << last;
    }
    reservations.Stop();
    EXPECT_TRUE(Has(neighbour, kept, 7));
    const auto table = Table::Create(kCapacity);
    ASSERT_NE(table, nullptr);
    ExpectUsable(*table);
  }
  // A table that exists reserves nothing more.
  reservations.FailAll();
  EXPECT_TRUE(End(neighbour, kept));
  ExpectUsable(neighbour);
  std::thread([&] { ExpectUsable(neighbour); }).join();
  EXPECT_EQ(reservations.Stop(), 0u);
}

TYPED_TEST(FaultTest, TableTooLargeIsNotTakenForMissingMemory) {
  const std::size_t before = ranges.count();
  reservations.FailAll();
  EXPECT_THROW(TypeParam{TypeParam::kMaxCapacity + 1}, std::length_error);
  reservations.Stop();
  EXPECT_EQ(ranges.count(), before);
}

TYPED_TEST(FaultTest, AllocationOfTheTableFails) {
  using Table = TypeParam;
  static_assert(alignof(Table) > __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                "else another operator new is to fail");
  reservations.Stop();
  allocations.FailAll();
  EXPECT_EQ(Table::Create(kCapacity), nullptr);
  EXPECT_EQ(allocations.Stop(), 1u);
  EXPECT_EQ(reservations.Stop(), 0u);
  ExpectUsable(*Table::Create(kCapacity));
}

// ---------------------------------------------------------------------------
// The thread-exit hook

// If a thread's k-th attempt to arrange a hook fails, the thread has no index
// until its next call.
TYPED_TEST(FaultTest, EachHookFailsInTurn) {
  TypeParam table(kCapacity);
  for (unsigned failures = 0; failures < 5; ++failures) {
    hooks.Stop();
    std::thread([&] {
      hooks.Fail(1, failures);
      for (Word i = 0; i < 5; ++i) {
        const Handle handle = Make(table, i);
        EXPECT_TRUE(Has(table, handle, i));
        EXPECT_TRUE(End(table, handle));
        EXPECT_FALSE(End(table, handle));
      }
      EXPECT_GT(hooks.Stop(), failures);
      EXPECT_NE(internal::sync::ThisThread().index.load(), 0u);
    }).join();
    ExpectNoSlotLost(table);
  }
  ExpectUsable(table);
}

// No thread has an index, and the capacity is the same.
TYPED_TEST(FaultTest, ThereAreNoHooks) {
  TypeParam table(kCapacity);
  hooks.FailAll();
  std::thread([&] {
    ExpectUsable(table);
    EXPECT_EQ(internal::sync::ThisThread().index.load(), 0u);
  }).join();
  constexpr unsigned kThreads = 4;
  RunThreads(kThreads, [&](unsigned t) {
    std::vector<Handle> handles;
    for (Word i = 0; i < 2000; ++i) {
      const Handle handle = Make(table, i * kThreads + t);
      ASSERT_NE(handle, kNullHandle);
      ASSERT_TRUE(Has(table, handle, i * kThreads + t));
      handles.push_back(handle);
      if (handles.size() < kCapacity / kThreads) continue;
      for (Handle made : handles) ASSERT_TRUE(End(table, made));
      handles.clear();
    }
    for (Handle made : handles) ASSERT_TRUE(End(table, made));
  });
  hooks.Stop();
  ExpectUsable(table);
}

// This runs in a process of its own, whose keys have all been taken before.
TYPED_TEST(FaultTest, ProcessHasNoKeyLeft) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        pthread_key_t key;
        while (pthread_key_create(&key, nullptr) == 0) {
        }
        TypeParam table(kCapacity);
        ExpectUsable(table);
        std::thread([&] { ExpectUsable(table); }).join();
        const bool has_index = internal::sync::ThisThread().index.load() != 0;
        // A key becomes free, and the next table finds it.
        pthread_key_delete(key);
        std::thread([&] {
          TypeParam second(kCapacity);
          ExpectUsable(second);
          ExpectUsable(table);
          std::_Exit(::testing::Test::HasFailure() || has_index ||
                     internal::sync::ThisThread().index.load() == 0);
        }).join();
      },
      ::testing::ExitedWithCode(0), "");
}

// ---------------------------------------------------------------------------
// Constructors and moves

template <typename FreeList>
class BirthFaultTest : public ::testing::Test {};
using FreeLists = ::testing::Types<MagazineFreeList, StripedFreeList,
                                   GlobalFreeList, CdsFreeList>;
TYPED_TEST_SUITE(BirthFaultTest, FreeLists);

// If Counted's k-th construction throws, the exception goes to the caller. The
// table then has the objects that were made before, and has lost no slot.
template <typename Table>
void UseEverything(Table& table) {
  std::set<Handle> live;
  const auto attempt = [&](auto call) {
    try {
      call();
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(table.Stats().live, live.size());
    for (Handle handle : live) EXPECT_TRUE(table.Pin(handle));
    ExpectNoSlotLost(table);
  };
  for (Word i = 0; i < 3; ++i) {
    attempt([&] { live.insert(table.Emplace(i)); });
    attempt([&] { live.insert(table.Insert(Counted(i))); });
  }
  {
    std::vector<Counted> batch;
    batch.reserve(3);
    attempt([&] {
      for (Word i = 0; i < 3; ++i) batch.emplace_back(i);
    });
    Handle handles[3] = {};
    const auto note = [&] {
      for (Handle handle : handles) {
        if (handle) live.insert(handle);
      }
    };
    attempt([&] {
      struct Finally {
        decltype(note)& f;
        ~Finally() { f(); }
      } finally{note};
      EXPECT_EQ(table.InsertBatch(batch.data(), batch.size(), handles),
                batch.size());
    });
  }
  // The object has left the table even if moving it out throws.
  for (int i = 0; i < 2 && !live.empty(); ++i) {
    const Handle handle = *live.begin();
    live.erase(live.begin());
    attempt([&] {
      Status why = Status::kNull;
      const std::optional<Counted> taken = table.Take(handle, &why);
      EXPECT_TRUE(taken.has_value());
    });
    EXPECT_EQ(table.Check(handle), Status::kStale);
  }
  for (Handle handle : live) EXPECT_EQ(table.Delete(handle), Status::kOk);
}

TYPED_TEST(BirthFaultTest, EachBirthFailsInTurn) {
  using Table = ObjectTable<Counted, TestTraits<TypeParam>>;
  Counted::births.Stop();
  {
    Table table(kCapacity);
    UseEverything(table);
  }
  const unsigned births = Counted::births.Stop();
  EXPECT_GT(births, 15u);
  for (const bool is_uncached : {false, true}) {
    Table table(kCapacity);
    for (unsigned birth = 1; birth <= births; ++birth) {
      if (is_uncached) hooks.FailAll();
      std::thread([&] {
        Counted::births.Fail(birth, birth);
        UseEverything(table);
        EXPECT_GE(Counted::births.Stop(), birth);
      }).join();
      hooks.Stop();
      EXPECT_EQ(objects, 0) << birth;
    }
    ExpectUsable(table);
  }
  EXPECT_EQ(objects, 0);
}

// ---------------------------------------------------------------------------
// Pins

TEST(PinFaultTest, PinsOfOneObjectRunOut) {
  using Table = ObjectTable<Counted>;
  Table table(kCapacity);
  const Handle pinned = table.Emplace(1), other = table.Emplace(2);
  // With these the thread's cells are taken, and one pin is counted.
  std::vector<Table::Pinned> pins;
  for (unsigned n = 0; n <= internal::HazardCells::kCells; ++n)
    pins.push_back(table.Pin(pinned));
  internal::Inspector::SetCount(table, pinned, ~std::uint32_t{0});
  EXPECT_EQ(table.Pin(pinned).status(), Status::kOutOfMemory);
  // The status blames neither this handle nor any other.
  EXPECT_EQ(table.Check(pinned), Status::kOk);
  EXPECT_TRUE(table.Pin(other));
  EXPECT_EQ(table.Pin(Handle(0)).status(), Status::kNull);
  // Releasing one pin makes room for one, of the object or of the thread.
  pins.pop_back();
  pins.push_back(table.Pin(pinned));
  EXPECT_TRUE(pins.back());
  EXPECT_EQ(table.Pin(pinned).status(), Status::kOutOfMemory);
  pins.erase(pins.begin());
  pins.push_back(table.Pin(pinned));
  EXPECT_TRUE(pins.back());
  EXPECT_EQ(table.Pin(pinned).status(), Status::kOutOfMemory);

  // Deleting needs no room.
  EXPECT_EQ(table.Delete(other), Status::kOk);
  EXPECT_EQ(table.DeleteUnlessPinned(pinned), Status::kPinned);
  internal::Inspector::SetCount(table, pinned, 1);
  EXPECT_EQ(table.Delete(pinned), Status::kOk);
  EXPECT_EQ(objects, 1);
  pins.clear();
  EXPECT_EQ(objects, 0);
}

// ---------------------------------------------------------------------------
// System calls

// Pins and deletes of two threads collide as closely as possible.
void ExpectCollisionsLoseNothing(unsigned rounds) {
  ObjectTable<Counted> table(kCapacity);
  Barrier both(2);
  Handle handle;
  int left = 0;
  RunThreads(2, [&](unsigned t) {
    for (unsigned i = 0; i < rounds; ++i) {
      if (t == 0) handle = table.Emplace(i);
      both.Wait();
      {
        const auto pin = table.Pin(handle);
        both.Wait();
        EXPECT_TRUE(t != 0 || table.Delete(handle) == Status::kOk);
      }
      both.Wait();
      // This comes before this thread makes the next object.
      if (t == 0) left += objects;
    }
  });
  EXPECT_EQ(left, 0) << "objects left after the last unpin";
}

// Where memory is locked, no page can be dropped.
TEST(DropFaultTest, TrimThatTheSystemRefusesChangesNothing) {
  HandleTable<Word> table(4000);
  std::vector<Handle> handles(4000);
  for (Handle& handle : handles) handle = table.New(1);
  for (Handle handle : handles) ASSERT_EQ(table.Delete(handle), Word{1});
  testing::drops.FailAll();
  EXPECT_EQ(table.Trim(), 0u);
  EXPECT_GT(testing::drops.Stop(), 0u);
  testing::ExpectConservation(table);
  for (Handle handle : handles) ASSERT_EQ(table.Check(handle), Status::kStale);
  EXPECT_NE(table.Trim(), 0u);
  testing::ExpectConservation(table);
  for (Handle handle : handles) ASSERT_EQ(table.Check(handle), Status::kStale);
}

// Counts the pages that are populated ahead of their use.
std::atomic<std::size_t> populated_bytes{0};
void CountPopulated(void*, std::size_t bytes) { populated_bytes += bytes; }

TEST(PopulateFaultTest, ATableThatGrowsPopulatesItsPages) {
  const std::size_t page = internal::sync::PageSize();
  testing::note_populated = &CountPopulated;
  HandleTable<Word> table(10 * page);
  populated_bytes = 0;
  const std::size_t count = 32 * page / (2 * sizeof(Word));
  for (std::size_t i = 0; i < count; ++i) ASSERT_NE(table.New(1), kNullHandle);
  EXPECT_EQ(populated_bytes, 16 * page) << "all but the first 16";
  ASSERT_NE(table.New(1), kNullHandle);
  EXPECT_EQ(populated_bytes, 20 * page) << "an eighth ahead";
  testing::note_populated = nullptr;
}

TEST(PopulateFaultTest, WhereItFailsNothingChanges) {
  const std::size_t page = internal::sync::PageSize();
  HandleTable<Word> table(10 * page);
  std::vector<Handle> handles;
  testing::populations.FailAll();
  for (std::size_t i = 0; i < 10 * page; ++i) {
    handles.push_back(table.New(i));
    ASSERT_NE(handles.back(), kNullHandle);
  }
  EXPECT_GT(testing::populations.Stop(), 0u);
  for (std::size_t i = 0; i < handles.size(); ++i)
    ASSERT_EQ(table.Delete(handles[i]), i);
  testing::ExpectConservation(table);
}

TEST(BarrierFaultTest, ThereIsNoHeavyBarrier) {
  (void)ObjectTable<Counted>(1);
  const bool had = internal::sync::HasHeavyBarrier();
  barriers.FailAll();
  ExpectCollisionsLoseNothing(kSanitized ? 500 : 5000);
  EXPECT_FALSE(internal::sync::HasHeavyBarrier());
  EXPECT_GT(barriers.Stop(), 0u);
  (void)ObjectTable<Counted>(1);
  EXPECT_EQ(internal::sync::HasHeavyBarrier(), had);
}

// Makes these system calls fail in this process from now on.
void Refuse(int error, const std::vector<int>& calls) {
  std::vector<sock_filter> program = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (int call : calls) {
    program.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    program.push_back(BPF_STMT(
        BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog filter{static_cast<unsigned short>(program.size()),
                    program.data()};
  HAFT_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                 prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0,
             "no seccomp here");
}

// A sandbox is closed while there are tables.
TEST(BarrierFaultDeathTest, KernelThatRefusesMembarrierLater) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        int destroyed = 0;
        struct Noted {
          explicit Noted(int* d) : destroyed(d) {}
          ~Noted() { ++*destroyed; }
          int* destroyed;
        };
        ObjectTable<Noted> table(10);
        Refuse(EPERM, {SYS_membarrier});
        for (int round = 1; round <= 3; ++round) {
          const Handle handle = table.Emplace(&destroyed);
          {
            const auto pinned = table.Pin(handle);
            EXPECT_TRUE(pinned);
            EXPECT_EQ(table.Delete(handle), Status::kOk);
            EXPECT_EQ(destroyed, round - 1);
          }
          EXPECT_EQ(destroyed, round);
        }
        ExpectCollisionsLoseNothing(kSanitized ? 500 : 5000);
        std::_Exit(::testing::Test::HasFailure() ||
                   internal::sync::HasHeavyBarrier());
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(BarrierFaultDeathTest, KernelWithoutMembarrierAndGetrandom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Refuse(ENOSYS, {SYS_membarrier, SYS_getrandom});
        ExpectCollisionsLoseNothing(kSanitized ? 500 : 5000);
        // The tables still start at different generations, of which words of 32
        // bits have 16,383.
        std::set<Handle> handles;
        for (int i = 0; i < 100; ++i)
          handles.insert(HandleTable<Word>(1).New(1));
        EXPECT_GT(handles.size(), 90u);
        std::_Exit(::testing::Test::HasFailure() ||
                   internal::sync::HasHeavyBarrier());
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace haft
