// Parts that several tests share: the tables that every suite runs over, and
// the check that no slot is lost.

#ifndef TESTS_SUPPORT_TESTING_H_
#define TESTS_SUPPORT_TESTING_H_

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>
#include <limits>
#include <set>
#include <thread>
#include <type_traits>
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

using AllTraits = ::testing::Types<
    TestTraits<MagazineFreeList>, TestTraits<BasicMagazineFreeList<3>>,
    TestTraits<StripedFreeList>, TestTraits<GlobalFreeList>,
    TestTraits<CdsFreeList>, TestTraits<MagazineFreeList, Layout32<>>,
    TestTraits<MagazineFreeList, WideLayout>,
    TestTraits<StripedFreeList, WideLayout>,
    TestTraits<MagazineFreeList, SmallLayout>>;

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

// Whether the slot of `handle` has no state, because it was never used or
// because a Trim has dropped its page. False for a class that stands for a
// table.
template <typename T, typename Traits>
bool IsUntouched(const HandleTable<T, Traits>* table, Handle handle) {
  return internal::Inspector::AllocatorOf(*table)[static_cast<Word>(handle)]
             .state() == 0;
}
template <typename T, typename Traits>
bool IsUntouched(const ObjectTable<T, Traits>* table, Handle handle) {
  return internal::Inspector::AllocatorOf(*table)[static_cast<Word>(handle)]
             .state() == 0;
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
