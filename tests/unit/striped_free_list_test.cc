#include "haft/striped_free_list.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::ExpectConservation;
using testing::TestTraits;

constexpr Word kFirst = DefaultLayout::Make(1, 0);

struct Thread {};

// The CPUs that this thread may run on.
std::vector<int> Cpus() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// Runs f on `cpu`.
template <typename F>
void On(int cpu, F f) {
  std::thread([&] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    ASSERT_EQ(internal::sync::CpuIndex(), static_cast<unsigned>(cpu));
    f();
  }).join();
}

class StripedFreeListTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 6;

  Word Pop() { return list_.Pop(thread_); }
  void Push(Word handle) { list_.Push(thread_, handle); }

  Thread thread_;
  internal::FreshSlots fresh_slots_{
      kFirst, StripedFreeList::SlotsFor(kCapacity, DefaultLayout::kSlots)};
  StripedFreeList list_{kCapacity, 8, &fresh_slots_};
};

TEST_F(StripedFreeListTest, NeedsAsManySlotsAsTheCapacity) {
  EXPECT_TRUE(list_.ok());
  EXPECT_EQ(fresh_slots_.limit(), kCapacity);
}

TEST_F(StripedFreeListTest, CarvesOneSlotAtATimeAndNoMoreThanTheCapacity) {
  for (std::size_t i = 0; i < kCapacity; ++i) {
    EXPECT_EQ(Pop(), kFirst + 2 * i);
    EXPECT_EQ(fresh_slots_.high_water(), i + 1);
  }
  EXPECT_EQ(Pop(), 0u);
  EXPECT_EQ(Pop(), 0u);
  EXPECT_EQ(fresh_slots_.high_water(), kCapacity);
}

TEST_F(StripedFreeListTest, LastPushedOnThisCpuIsPoppedFirst) {
  On(Cpus().front(), [&] {
    const Word handles[] = {Pop(), Pop(), Pop()};
    for (Word handle : handles) Push(handle);
    for (int i : {2, 1, 0}) EXPECT_EQ(Pop(), handles[i]);
  });
}

TEST_F(StripedFreeListTest, EveryCpuFindsWhatAnyOtherHasPushed) {
  const std::vector<int> cpus = Cpus();
  for (int pusher : cpus) {
    for (int popper : {cpus.front(), cpus.back()}) {
      Word handle = 0;
      On(pusher, [&] {
        handle = Pop();
        Push(handle);
      });
      On(popper, [&] { EXPECT_EQ(Pop(), handle) << pusher << popper; });
      Push(handle);
    }
  }
  EXPECT_EQ(fresh_slots_.high_water(), 1u)
      << "what another CPU has goes before carving";
}

TEST_F(StripedFreeListTest, OwnStackGoesBeforeOthers) {
  const std::vector<int> cpus = Cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "needs two CPUs";
  Word handles[2];
  for (Word& handle : handles) handle = Pop();
  for (int i : {0, 1}) On(cpus[i], [&] { Push(handles[i]); });
  for (int i : {1, 0}) On(cpus[i], [&] { EXPECT_EQ(Pop(), handles[i]); });
}

TEST_F(StripedFreeListTest, ForEachShowsEveryStack) {
  const std::vector<int> cpus = Cpus();
  std::vector<Word> pushed;
  for (std::size_t i = 0; i < kCapacity; ++i) pushed.push_back(Pop());
  for (std::size_t i = 0; i < kCapacity; ++i) {
    On(cpus[i % cpus.size()], [&] { Push(pushed[i]); });
  }
  std::vector<Word> waiting;
  list_.ForEach([&](Word handle) { waiting.push_back(handle); });
  std::sort(waiting.begin(), waiting.end());
  EXPECT_EQ(waiting, pushed);
}

TEST_F(StripedFreeListTest, TableHoldsItsCapacityWhereverHandlesWait) {
  HandleTable<Word, TestTraits<StripedFreeList>> table(kCapacity);
  std::vector<Handle> handles;
  while (const Handle handle = table.New(1)) handles.push_back(handle);
  EXPECT_EQ(handles.size(), kCapacity);
  for (Handle handle : handles) {
    const std::vector<int> cpus = Cpus();
    On(cpus[static_cast<Word>(handle) / 2 % cpus.size()],
       [&] { EXPECT_EQ(table.Delete(handle), Word{1}); });
  }
  for (std::size_t i = 0; i < kCapacity; ++i) {
    EXPECT_NE(table.New(2), kNullHandle);
  }
  EXPECT_EQ(table.New(2), kNullHandle);
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft
