#include "haft/internal/base/allocated_by_malloc.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "tests/support/testing.h"

// What the classes must not use.
void* operator new(std::size_t, const std::nothrow_t&) noexcept {
  return nullptr;
}
void* operator new(std::size_t, std::align_val_t,
                   const std::nothrow_t&) noexcept {
  return nullptr;
}

namespace haft::internal {
namespace {

struct Small : AllocatedByMalloc {
  explicit Small(int* destroyed) noexcept : destroyed_(destroyed) {}
  ~Small() { ++*destroyed_; }
  int* destroyed_;
};
struct alignas(128) Aligned : AllocatedByMalloc {
  int value = 7;
};
struct Derived : Aligned {
  int more = 8;
  char much[1000] = {};
};

TEST(AllocatedByMallocTest, NeedsNoGlobalOperator) {
  int destroyed = 0;
  {
    const std::unique_ptr<Small> small(new (std::nothrow) Small(&destroyed));
    ASSERT_NE(small, nullptr);
  }
  EXPECT_EQ(destroyed, 1);
}

TEST(AllocatedByMallocTest, IsAlignedAsItsClass) {
  for (int i = 0; i < 100; ++i) {
    const std::unique_ptr<Aligned> aligned(new (std::nothrow) Aligned);
    const std::unique_ptr<Derived> derived(new (std::nothrow) Derived);
    ASSERT_NE(aligned, nullptr);
    ASSERT_NE(derived, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned.get()) % 128, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(derived.get()) % 128, 0u);
    EXPECT_EQ(aligned->value + derived->more, 15);
    EXPECT_GE(malloc_usable_size(derived.get()), sizeof(Derived));
  }
}

TEST(AllocatedByMallocTest, ArraysAreZero) {
  const ZeroedArray<int> array = NewZeroedArray<int>(1000);
  ASSERT_NE(array, nullptr);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(array[i], 0);
}

TEST(AllocatedByMallocTest, TooLargeAnArrayIsNone) {
  if (testing::kSanitized) GTEST_SKIP() << "there it ends the process";
  EXPECT_EQ(NewZeroedArray<int>(SIZE_MAX / 2), nullptr);
}

}  // namespace
}  // namespace haft::internal
