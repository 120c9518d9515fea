#include "haft/striped_free_list.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "tests/support/free_list_suite.h"
#include "tests/support/testing.h"

namespace haft::testing {
namespace {

// Returns the CPUs that this thread may run on.
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

// Runs each test on one CPU: the last pushed is popped first only there.
struct OnOneCpu {
  template <typename F>
  static void Run(F f) {
    On(Cpus().front(), f);
  }
};

using Striped = FreeListCase<StripedFreeList, UncachedCaller, true, OnOneCpu>;
INSTANTIATE_TYPED_TEST_SUITE_P(Striped, FreeListTest, Striped);
INSTANTIATE_TYPED_TEST_SUITE_P(Striped, ExactFreeListTest, Striped);

class StripedFreeListTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 6;

  Word Pop() { return list_.Pop(caller_); }
  void Push(Word handle) { list_.Push(caller_, {handle}); }

  UncachedCaller caller_;
  FreeListOverSlots<StripedFreeList> list_{kCapacity, DefaultLayout::kSlots};
};

TEST_F(StripedFreeListTest, EveryCpuPopsHandlesThatAnyOtherHasPushed) {
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
  EXPECT_EQ(list_.high_water(), 1u)
      << "handles of another CPU go before fresh slots";
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
  EXPECT_EQ(Sorted(list_.Waiting()), pushed);
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
  Fill(table, kCapacity, true);
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft::testing
