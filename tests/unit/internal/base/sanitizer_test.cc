#include "haft/internal/base/sanitizer.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "haft/counted_reclamation.h"
#include "haft/haft.h"
#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "haft/process_table.h"

#ifndef HAFT_ADDRESS_SANITIZER
// Without a sanitizer these are the only tests.
namespace {
int poisonings = 0;
std::vector<std::pair<const void*, std::size_t>> roots;
}  // namespace
extern "C" {
void __asan_poison_memory_region(const volatile void*, std::size_t) {
  ++poisonings;
}
void __asan_unpoison_memory_region(const volatile void*, std::size_t) {
  ++poisonings;
}
void __lsan_register_root_region(const void* begin, std::size_t size) {
  roots.emplace_back(begin, size);
}
void __lsan_unregister_root_region(const void* begin, std::size_t size) {
  for (auto root = roots.begin(); root != roots.end(); ++root) {
    if (*root != std::pair(begin, size)) continue;
    roots.erase(root);
    return;
  }
  ADD_FAILURE() << "no such root region";
}
}
#endif

namespace haft {

struct Node {
  int payload[10];
};
struct Owner {
  std::unique_ptr<Node> node;
};
// An object whose destructor forgets to free its memory.
struct Careless {
  Node* node;
};

// The only pointer to them. It is not static, because a compiler could then
// remove it.
ObjectTable<Owner>* owners;
ObjectTable<Careless>* careless;
HandleTable<Node*>* nodes;
using CompactNodes = HandleTable<Node*, CompactTraits<8>>;
CompactNodes* compact_nodes;
// Returns a word that is no pointer.
std::uintptr_t disguised;

namespace {

struct Widget {
  explicit Widget(int number) : number(number) {}
  int number;
};

#ifdef HAFT_ADDRESS_SANITIZER

// --- Poisoned memory

template <std::size_t kSize, std::size_t kAlignment>
struct alignas(kAlignment) Bytes {
  unsigned char bytes[kSize];
};

// Returns whether none, all or some of the `size` bytes are poisoned.
enum class Use { kAllowed, kReported, kMixed };
Use UseOf(const unsigned char* begin, std::size_t size) {
  std::size_t poisoned = 0;
  for (std::size_t i = 0; i < size; ++i)
    poisoned += __asan_address_is_poisoned(begin + i) != 0;
  return poisoned == 0      ? Use::kAllowed
         : poisoned == size ? Use::kReported
                            : Use::kMixed;
}

template <typename T>
class PoisonTest : public ::testing::Test {};
struct CountedTraits : DefaultTraits {
  using Reclamation = CountedReclamation;
};
using Tables =
    ::testing::Types<ObjectTable<Bytes<1, 1>>, ObjectTable<Bytes<4, 4>>,
                     ObjectTable<Bytes<8, 8>>, ObjectTable<Bytes<12, 4>>,
                     ObjectTable<Bytes<13, 1>>, ObjectTable<Bytes<64, 64>>,
                     ObjectTable<Bytes<200, 8>>,
                     ObjectTable<Bytes<13, 1>, CountedTraits>>;
TYPED_TEST_SUITE(PoisonTest, Tables);

TYPED_TEST(PoisonTest, LiveObjectsMayBeUsedAndDeadOnesNot) {
  TypeParam table(100);
  std::vector<Handle> handles(100);
  std::vector<unsigned char*> objects(100);
  for (int life = 0; life < 3; ++life) {
    for (std::size_t i = 0; i < 100; ++i) {
      handles[i] = table.Emplace();
      objects[i] = table.Pin(handles[i])->bytes;
    }
    for (std::size_t i = 0; i < 100; i += 2)
      ASSERT_EQ(table.Delete(handles[i]), Status::kOk);
    for (std::size_t i = 0; i < 100; ++i) {
      const Use use = UseOf(objects[i], sizeof(*table.Pin(handles[1])));
      EXPECT_EQ(use, i % 2 == 0 ? Use::kReported : Use::kAllowed) << i;
    }
    ASSERT_EQ(table.Clear(), 50u);
  }
}

TYPED_TEST(PoisonTest, WhatFollowsAnObjectMayNotBeUsed) {
  TypeParam table(100);
  auto pin = table.Pin(table.Emplace());
  using Object = std::remove_reference_t<decltype(*pin)>;
  if (sizeof(Object) % sizeof(std::uint64_t) == 0) return;  // the next slot
  EXPECT_EQ(UseOf(pin->bytes + sizeof(Object), 1), Use::kReported);
}

TYPED_TEST(PoisonTest, DyingObjectMayBeUsedUntilTheLastUnpin) {
  TypeParam table(100);
  const Handle handle = table.Emplace();
  auto pin = table.Pin(handle);
  const auto* const bytes = pin->bytes;
  const std::size_t size = sizeof(*pin);
  ASSERT_EQ(table.Delete(handle), Status::kOk);
  EXPECT_EQ(UseOf(bytes, size), Use::kAllowed);
  pin.Unpin();
  EXPECT_EQ(UseOf(bytes, size), Use::kReported);
}

TYPED_TEST(PoisonTest, AddressRangeIsGivenBackClean) {
  auto table = std::make_unique<TypeParam>(100);
  const Handle handle = table->Emplace();
  unsigned char* const object = table->Pin(handle)->bytes;
  ASSERT_EQ(table->Delete(handle), Status::kOk);
  ASSERT_EQ(UseOf(object, 1), Use::kReported);
  table.reset();
  constexpr std::uintptr_t kPage = 4096;
  void* const page = reinterpret_cast<void*>(
      reinterpret_cast<std::uintptr_t>(object) & ~(kPage - 1));
  EXPECT_EQ(UseOf(static_cast<unsigned char*>(page), kPage), Use::kAllowed);
}

// --- Reports

Widget* escaped;
struct Throws {
  Throws() : widget(1) {
    escaped = &widget;
    throw std::runtime_error("no");
  }
  Widget widget;
};

class PoisonDeathTest : public ::testing::Test {
 protected:
  PoisonDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  Widget* Keep(Handle handle) { return table_.Pin(handle).get(); }

  ObjectTable<Widget> table_{100};
  const Handle handle_ = table_.Emplace(1);
  Widget* const kept_ = Keep(handle_);
};

TEST_F(PoisonDeathTest, PointerKeptAfterDelete) {
  ASSERT_EQ(table_.Delete(handle_), Status::kOk);
  EXPECT_DEATH(kept_->number = 2, "use-after-poison");
}

TEST_F(PoisonDeathTest, ReferenceKeptAfterDeleteUnlessPinned) {
  const int& number = kept_->number;
  ASSERT_EQ(table_.DeleteUnlessPinned(handle_), Status::kOk);
  EXPECT_DEATH(std::exit(number), "use-after-poison");
}

TEST_F(PoisonDeathTest, PointerKeptAfterDeleteAndWait) {
  ASSERT_EQ(table_.DeleteAndWait(handle_, {}), Status::kOk);
  EXPECT_DEATH(kept_->number = 2, "use-after-poison");
}

TEST_F(PoisonDeathTest, PointerKeptAfterTake) {
  ASSERT_EQ(table_.Take(handle_)->number, 1);
  EXPECT_DEATH(kept_->number = 2, "use-after-poison");
}

TEST_F(PoisonDeathTest, PointersKeptAfterBatchAndClear) {
  Widget widgets[] = {Widget(2), Widget(3)};
  Handle handles[2];
  ASSERT_EQ(table_.InsertBatch(widgets, 2, handles), 2u);
  Widget* const second = Keep(handles[1]);
  EXPECT_EQ(second->number, 3);
  ASSERT_EQ(table_.DeleteBatch(handles, 2), 2u);
  EXPECT_DEATH(second->number = 2, "use-after-poison");
  ASSERT_EQ(table_.Clear(), 1u);
  EXPECT_DEATH(kept_->number = 2, "use-after-poison");
}

TEST_F(PoisonDeathTest, PointerKeptAfterReadScope) {
  std::optional<ObjectTable<Widget>::ReadScope> scope(table_);
  Widget* const found = scope->Find(handle_);
  ASSERT_EQ(table_.Delete(handle_), Status::kOk);
  EXPECT_EQ(found->number, 1);
  scope.reset();
  EXPECT_DEATH(found->number = 2, "use-after-poison");
}

TEST_F(PoisonDeathTest, PointerFromConstructorThatThrew) {
  ObjectTable<Throws> table(100);
  EXPECT_THROW((void)table.Emplace(), std::runtime_error);
  EXPECT_DEATH(escaped->number = 2, "use-after-poison");
}

// --- Leaks

// Runs f on a thread of its own, so that no pointer is left on a stack, and
// ends the process as main does, with a check for leaks.
template <typename F>
[[noreturn]] void EndAfter(F f) {
  std::thread(f).join();
  std::exit(0);
}
bool Failed(int status) {
  return WIFEXITED(status) && WEXITSTATUS(status) != 0;
}

#define EXPECT_NO_LEAK(f) \
  EXPECT_EXIT(EndAfter(f), ::testing::ExitedWithCode(0), "")
// Expects a report of `size` bytes and no more.
#define EXPECT_LEAK(f, size)       \
  EXPECT_EXIT(EndAfter(f), Failed, \
              std::to_string(size) + " byte.s. leaked in 1 allocation")

class LeakDeathTest : public PoisonDeathTest {};

template <typename Table, typename T>
void Hold(Table& table, T&& value) {
  if constexpr (std::is_same_v<Table, HandleTable<Node*>>) {
    (void)table.New(value);
  } else {
    (void)table.Insert(std::forward<T>(value));
  }
}

TEST_F(LeakDeathTest,
       LeakIsReported) {  // otherwise the other tests could not fail
  EXPECT_LEAK([] { disguised = ~reinterpret_cast<std::uintptr_t>(new Node); },
              sizeof(Node));
}

TEST_F(LeakDeathTest, MemoryOfLiveObjectsIsNotLeaked) {
  EXPECT_NO_LEAK([] {
    owners = new ObjectTable<Owner>(100);
    for (int i = 0; i < 100; ++i)
      Hold(*owners, Owner{std::make_unique<Node>()});
  });
}

TEST_F(LeakDeathTest, ObjectsOfLiveHandlesAreNotLeaked) {
  EXPECT_NO_LEAK([] {
    nodes = new HandleTable<Node*>(100);
    for (int i = 0; i < 100; ++i) Hold(*nodes, new Node);
  });
}

// Their slots have the pointers twice, because the other word is not one.
TEST_F(LeakDeathTest, ObjectsOfLiveHandlesOfACompactTableAreNotLeaked) {
  EXPECT_NO_LEAK([] {
    compact_nodes = new CompactNodes(100);
    for (int i = 0; i < 100; ++i) (void)compact_nodes->New(new Node);
  });
}

TEST_F(LeakDeathTest, ObjectsOfTheProcesssTableAreNotLeaked) {
  EXPECT_NO_LEAK([] {
    (void)haft::New(std::make_unique<Node>());
    (void)haft::New(std::make_shared<Node>());
    (void)haft::New(Owner{std::make_unique<Node>()});
  });
}

TEST_F(LeakDeathTest, LeakedTableIsReported) {
  EXPECT_LEAK(
      [] {
        ObjectTable<Owner>* const lost =
            ObjectTable<Owner>::Create(8).release();
        Hold(*lost, Owner{std::make_unique<Node>()});
      },
      sizeof(ObjectTable<Owner>));
}

TEST_F(LeakDeathTest, ObjectsOfADestroyedTableAreLeaked) {
  EXPECT_LEAK(
      [] {
        HandleTable<Node*> table(100);
        Hold(table, new Node);
      },
      sizeof(Node));
}

TEST_F(LeakDeathTest, MemoryOfADeadObjectIsLeaked) {
  EXPECT_LEAK(
      [] {
        careless = new ObjectTable<Careless>(100);
        (void)careless->Delete(careless->Insert(Careless{new Node}));
      },
      sizeof(Node));
}

TEST_F(LeakDeathTest, ObjectOfADeletedHandleIsLeaked) {
  EXPECT_LEAK(
      [] {
        nodes = new HandleTable<Node*>(100);
        (void)nodes->Delete(nodes->New(new Node));
      },
      sizeof(Node));
}

TEST_F(LeakDeathTest, ObjectOfADeletedHandleOfACompactTableIsLeaked) {
  EXPECT_LEAK(
      [] {
        compact_nodes = new CompactNodes(100);
        (void)compact_nodes->Delete(compact_nodes->New(new Node));
      },
      sizeof(Node));
}

TEST_F(LeakDeathTest, ObjectTakenFromTheProcesssTableIsLeaked) {
  EXPECT_LEAK(
      [] {
        if (Take<Node>(New(std::make_unique<Node>())).release() == nullptr)
          std::exit(0);
      },
      sizeof(Node));
}

#else

TEST(NoSanitizerTest, NothingIsPoisoned) {
  {
    ObjectTable<Widget> table(100);
    (void)table.Delete(table.Emplace(1));
    HandleTable<int> words(100);
    (void)words.Delete(words.New(1));
  }
  EXPECT_EQ(poisonings, 0);
}

// LeakSanitizer may still be in the process.
TEST(NoSanitizerTest, SlotsAreRootsWhileTheTableExists) {
  const std::size_t before = roots.size();
  {
    ObjectTable<Widget> table(100);
    ASSERT_EQ(roots.size(), before + 1);
    const auto [begin, size] = roots.back();
    const auto pin = table.Pin(table.Emplace(1));
    const auto offset = reinterpret_cast<std::uintptr_t>(pin.get()) -
                        reinterpret_cast<std::uintptr_t>(begin);
    EXPECT_LE(offset + sizeof(Widget), size);
    HandleTable<int> words(100);
    EXPECT_EQ(roots.size(), before + 2);
  }
  EXPECT_EQ(roots.size(), before);
}

TEST(NoSanitizerTest, SlotsThatStayForPinsStayRoots) {
  const std::size_t before = roots.size();
  auto table = std::make_unique<ObjectTable<Widget>>(100);
  const auto pin = table->Pin(table->Emplace(1));
  table.reset();
  EXPECT_EQ(roots.size(), before + 1);
}
#endif

}  // namespace
}  // namespace haft
