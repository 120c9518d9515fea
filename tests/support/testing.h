// Parts that several tests share: the tables that every suite runs over, and
// the check that no slot is lost.

#ifndef TESTS_SUPPORT_TESTING_H_
#define TESTS_SUPPORT_TESTING_H_

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/counted_reclamation.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/striped_free_list.h"
#include "tests/support/inspector.h"

namespace haft::testing {

// True if a sanitizer or an emulator (HAFT_EMULATED) makes everything many
// times slower and takes memory of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    defined(HAFT_EMULATED)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

// Every free list is tested with the default layout, and every layout with the
// default free list, because equal widths hide packing bugs.
template <typename FreeListT, typename LayoutT = DefaultLayout,
          Exhaustion kExhaustionV = Exhaustion::kDropSlot>
struct TestTraits : DefaultTraits {
  using Layout = LayoutT;
  using FreeList = FreeListT;
  static constexpr Exhaustion kExhaustion = kExhaustionV;
};

struct CountedTraits : DefaultTraits {
  using Reclamation = CountedReclamation;
};

inline constexpr int kWordBits = std::numeric_limits<Word>::digits;

// 4 slots of 3 generations each, so that every limit is a few calls away.
using TinyLayout = HandleLayout<2, 2>;
// The same with a bit that every handle has.
using MarkedTinyLayout = HandleLayout<2, 2, Word{1} << (kWordBits - 2)>;
// 12 index bits. The magazines that fit beside 1,000 live handles hold 2
// handles.
using SmallLayout = Layout32<12>;
// Layout53, if words have the bits for it.
using WideLayout =
    std::conditional_t<kWordBits >= 53, Layout53<>, Layout32<14>>;

// A compact table of so aligned objects. With 32-bit words, its generations are
// in the bits that are 0 in all addresses, so it takes many of these.
inline constexpr std::size_t kTestAlignment = kWordBits == 64 ? 8 : 4096;
template <typename FreeListT, typename LayoutT = CompactLayout<kTestAlignment>,
          Exhaustion kExhaustionV = Exhaustion::kDropSlot>
struct CompactTestTraits : TestTraits<FreeListT, LayoutT, kExhaustionV> {
  static constexpr std::size_t kCompactAlignment = kTestAlignment;
};

using AllTraits = ::testing::Types<
    TestTraits<MagazineFreeList>, TestTraits<BasicMagazineFreeList<3>>,
    TestTraits<StripedFreeList>, TestTraits<GlobalFreeList>,
    TestTraits<CdsFreeList>, TestTraits<MagazineFreeList, Layout32<>>,
    TestTraits<MagazineFreeList, WideLayout>,
    TestTraits<StripedFreeList, WideLayout>,
    TestTraits<MagazineFreeList, SmallLayout>,
    CompactTestTraits<MagazineFreeList>,
    CompactTestTraits<StripedFreeList, HandleLayout<14, 12>>>;

// The interface of HandleTable<V, Traits> over a compact table, which stores
// pointers only. V has one word at most, and no bits that do not fit.
template <typename V, typename Traits>
class CompactTableOf {
  struct Pointee;
  using Real = HandleTable<Pointee*, Traits>;

 public:
  static constexpr std::size_t kMaxCapacity = Real::kMaxCapacity;

  explicit CompactTableOf(std::size_t capacity)
      : real_(std::make_unique<Real>(capacity)) {}
  static std::unique_ptr<CompactTableOf> Create(std::size_t capacity) {
    std::unique_ptr<Real> real = Real::Create(capacity);
    if (real == nullptr) return nullptr;
    return std::unique_ptr<CompactTableOf>(new CompactTableOf(std::move(real)));
  }

  [[gnu::always_inline]] Handle New(const V& value) {
    return real_->New(ToPointer(value));
  }
  std::optional<V> Value(Handle handle) const {
    return FromPointer(real_->Value(handle));
  }
  std::optional<V> Delete(Handle handle) {
    return FromPointer(real_->Delete(handle));
  }
  Status Check(Handle handle) const { return real_->Check(handle); }
  V MustValue(Handle handle) const {
    return *FromPointer(std::optional<Pointee*>(real_->MustValue(handle)));
  }
  V MustDelete(Handle handle) {
    return *FromPointer(std::optional<Pointee*>(real_->MustDelete(handle)));
  }
  std::size_t NewBatch(const V* values, std::size_t count, Handle* handles) {
    std::vector<Pointee*> pointers;
    for (std::size_t i = 0; i < count; ++i)
      pointers.push_back(ToPointer(values[i]));
    return real_->NewBatch(pointers.data(), count, handles);
  }
  std::size_t DeleteBatch(const Handle* handles, std::size_t count,
                          std::optional<V>* values = nullptr) {
    if (values == nullptr) return real_->DeleteBatch(handles, count);
    std::vector<std::optional<Pointee*>> pointers(count);
    const std::size_t deleted =
        real_->DeleteBatch(handles, count, pointers.data());
    for (std::size_t i = 0; i < count; ++i)
      values[i] = FromPointer(pointers[i]);
    return deleted;
  }
  template <typename F>
  void ForEach(F&& f) const {
    real_->ForEach([&](Handle handle, Pointee* pointer) {
      return f(handle, *FromPointer(std::optional<Pointee*>(pointer)));
    });
  }
  Status Prepare(std::size_t expected) { return real_->Prepare(expected); }
  std::size_t Trim() { return real_->Trim(); }
  TableStats Stats() const { return real_->Stats(); }

  const Real& real() const { return *real_; }

 private:
  explicit CompactTableOf(std::unique_ptr<Real> real)
      : real_(std::move(real)) {}

  static Pointee* ToPointer(const V& value) {
    Word word = 0;
    std::memcpy(&word, &value, sizeof(V));
    return reinterpret_cast<Pointee*>(word * Traits::kCompactAlignment);
  }
  static std::optional<V> FromPointer(std::optional<Pointee*> pointer) {
    if (!pointer.has_value()) return std::nullopt;
    const Word word =
        reinterpret_cast<Word>(*pointer) / Traits::kCompactAlignment;
    V value;
    std::memcpy(&value, &word, sizeof(V));
    return value;
  }

  std::unique_ptr<Real> real_;
};

// HandleTable<V, Traits>, or what stands for it if the traits are compact.
template <typename V, typename Traits>
using TableOf =
    std::conditional_t<Traits::kCompactAlignment == 0, HandleTable<V, Traits>,
                       CompactTableOf<V, Traits>>;

// Lets `threads` threads go on together, any number of times.
class Barrier {
 public:
  explicit Barrier(unsigned threads) {
    pthread_barrier_init(&barrier_, nullptr, threads);
  }
  ~Barrier() { pthread_barrier_destroy(&barrier_); }
  void Wait() { pthread_barrier_wait(&barrier_); }

 private:
  pthread_barrier_t barrier_;
};

// Runs f(t) in threads t = 0..count-1.
template <typename F>
void RunThreads(unsigned count, F f) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; ++t) threads.emplace_back(f, t);
  for (std::thread& thread : threads) thread.join();
}

// Calls f(handle) for the next handle of each free slot that was ever in use. A
// class that stands for a table may have an overload of its own.
template <typename Table, typename F>
void ForEachFree(const Table& table, F&& f) {
  internal::Inspector::ForEachFree(table, f);
}
template <typename V, typename Traits, typename F>
void ForEachFree(const CompactTableOf<V, Traits>& table, F&& f) {
  internal::Inspector::ForEachFree(table.real(), f);
}

// Whether the slot of `handle` has no state, because it was never used or
// because a Trim has dropped its page. False for a class that stands for a
// table.
template <typename T, typename Traits>
bool IsUntouched(const HandleTable<T, Traits>* table, Handle handle) {
  return internal::Inspector::AllocatorOf(*table).slots().StateOf(
             static_cast<Word>(handle)) == 0;
}
template <typename T, typename Traits>
bool IsUntouched(const ObjectTable<T, Traits>* table, Handle handle) {
  return internal::Inspector::AllocatorOf(*table)[static_cast<Word>(handle)]
             .state() == 0;
}
template <typename V, typename Traits>
bool IsUntouched(const CompactTableOf<V, Traits>* table, Handle handle) {
  return IsUntouched(&table->real(), handle);
}
inline bool IsUntouched(const void*, Handle) { return false; }

// Expects I4: each slot that was ever taken is live, waiting in the free list
// under its own next handle, or exhausted, and the counters agree. No other
// thread may be inside a call.
template <typename Table>
void ExpectConservation(Table& table) {
  std::size_t live = 0;
  std::set<Handle> live_handles;
  table.ForEach([&](Handle handle, const auto&) {
    ++live;
    EXPECT_TRUE(live_handles.insert(handle).second) << "live twice";
    EXPECT_EQ(table.Check(handle), Status::kOk);
  });
  std::size_t free = 0;
  std::set<Handle> free_handles;
  ForEachFree(table, [&](Handle handle) {
    ++free;
    EXPECT_TRUE(free_handles.insert(handle).second) << "free twice";
    const Status status = table.Check(handle);
    EXPECT_TRUE(status == Status::kNeverIssued ||
                (status == Status::kStale && IsUntouched(&table, handle)))
        << "a free slot's next handle has been issued";
  });
  const TableStats stats = table.Stats();
  EXPECT_EQ(stats.live, live);
  EXPECT_EQ(stats.created - stats.deleted, live);
  EXPECT_EQ(live + free + stats.exhausted_slots, stats.high_water)
      << "slots lost or doubled";
}

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_TESTING_H_
