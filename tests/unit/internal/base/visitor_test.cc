#include "haft/internal/base/visitor.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace haft::internal {
namespace {

TEST(VisitorTest, OneThatReturnsNothingNeverEndsTheWalk) {
  int calls = 0;
  const auto visitor = [&](int value) { calls += value; };
  EXPECT_FALSE(InvokeVisitor(visitor, 3));
  EXPECT_FALSE(InvokeVisitor(visitor, 4));
  EXPECT_EQ(calls, 7);
}

TEST(VisitorTest, OneThatReturnsABoolEndsTheWalkByTrue) {
  int calls = 0;
  auto visitor = [&](bool enough) {
    ++calls;
    return enough;
  };
  EXPECT_FALSE(InvokeVisitor(visitor, false));
  EXPECT_TRUE(InvokeVisitor(visitor, true));
  EXPECT_EQ(calls, 2);
}

TEST(VisitorTest, ArgumentsKeepTheirCategory) {
  int object = 1;
  auto change = [](int& value) { value = 2; };
  EXPECT_FALSE(InvokeVisitor(change, object));
  EXPECT_EQ(object, 2);
  auto take = [](std::unique_ptr<int> owned) { return *owned == 5; };
  EXPECT_TRUE(InvokeVisitor(take, std::make_unique<int>(5)));
}

TEST(VisitorTest, StateOfTheVisitorIsKept) {
  auto third = [calls = 0]() mutable { return ++calls == 3; };
  EXPECT_FALSE(InvokeVisitor(third));
  EXPECT_FALSE(InvokeVisitor(third));
  EXPECT_TRUE(InvokeVisitor(third));
}

TEST(VisitorTest, DoNothingTakesNoArgument) {
  const DoNothing nothing;
  static_assert(noexcept(nothing()));
  EXPECT_FALSE(InvokeVisitor(nothing));
}

}  // namespace
}  // namespace haft::internal
