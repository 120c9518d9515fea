#include "haft/internal/base/reuse_list.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/testing.h"

namespace haft::internal {
namespace {

struct Object : ReuseList<Object>::Link {
  std::atomic<int> owners{0};
};

struct List : ReuseList<Object> {
  ~List() {
    ForEach([](Object& object) { delete &object; });
  }
  std::set<Object*> All() const {
    std::set<Object*> all;
    ForEach([&all](Object& object) { all.insert(&object); });
    return all;
  }
};

TEST(ReuseListTest, MakesAnObjectOnlyIfAllAreOwned) {
  List list;
  EXPECT_TRUE(list.All().empty());
  Object* const first = list.Take();
  Object* const second = list.Take();
  EXPECT_NE(first, second);
  EXPECT_EQ(list.All(), (std::set<Object*>{first, second}));
  list.Give(*first);
  EXPECT_EQ(list.All().size(), 2u) << "objects are not freed";
  EXPECT_EQ(list.Take(), first);
  list.Give(*second);
  EXPECT_EQ(list.Take(), second);
  Object* const third = list.Take();
  EXPECT_EQ(list.All(), (std::set<Object*>{first, second, third}));
  EXPECT_EQ(list.All().size(), 3u);
}

TEST(ReuseListTest, TakesOneOfSeveralThatAreFree) {
  List list;
  Object* const objects[3] = {list.Take(), list.Take(), list.Take()};
  for (Object* const object : objects) list.Give(*object);
  std::set<Object*> taken;
  for (unsigned i = 0; i < 3; ++i) taken.insert(list.Take());
  EXPECT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken, list.All());
}

struct NoMemory : ReuseList<NoMemory>::Link {
  static bool has_memory;
  static void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return has_memory ? ::operator new(size, std::nothrow) : nullptr;
  }
};
bool NoMemory::has_memory = false;

TEST(ReuseListTest, WithoutMemoryOnlyFreeObjectsCanBeHad) {
  ReuseList<NoMemory> list;
  EXPECT_EQ(list.Take(), nullptr);
  NoMemory::has_memory = true;
  NoMemory* const object = list.Take();
  ASSERT_NE(object, nullptr);
  NoMemory::has_memory = false;
  EXPECT_EQ(list.Take(), nullptr);
  list.Give(*object);
  EXPECT_EQ(list.Take(), object);
  ::operator delete(object);
}

TEST(ReuseListTest, NoObjectOfRacingThreadsIsLost) {
  constexpr unsigned kThreads = 4;
  for (unsigned round = 0; round < (testing::kSanitized ? 50 : 200); ++round) {
    List list;
    Object* made[kThreads];
    std::atomic<unsigned> ready{0};
    testing::RunThreads(kThreads, [&](unsigned t) {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      made[t] = list.Take();
    });
    EXPECT_EQ(list.All(), std::set<Object*>(made, made + kThreads));
  }
}

TEST(ReuseListTest, RacingThreadsOwnDifferentObjects) {
  constexpr unsigned kThreads = 4;
  constexpr int kRounds = testing::kSanitized ? 5000 : 100000;
  List list;
  testing::RunThreads(kThreads, [&](unsigned) {
    for (int i = 0; i < kRounds; ++i) {
      Object* const object = list.Take();
      ASSERT_EQ(object->owners.fetch_add(1), 0);
      object->owners.fetch_sub(1);
      list.Give(*object);
    }
  });
  for (Object* const object : list.All()) EXPECT_EQ(object->owners, 0);
  EXPECT_LT(list.All().size(), kThreads * kRounds / 2) << "none is used again";
}

}  // namespace
}  // namespace haft::internal
