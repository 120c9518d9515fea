#include "haft/internal/base/handover_list.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <vector>

#include "tests/support/testing.h"

namespace haft::internal {
namespace {

struct Element {
  int number = 0;
  sync::Plain<Element*> next{};
};
using List = HandoverList<Element, &Element::next>;

std::vector<int> Take(List& list) {
  std::vector<int> numbers;
  for (const Element* element = list.TakeAll(); element != nullptr;
       element = List::Next(*element))
    numbers.push_back(element->number);
  return numbers;
}

TEST(HandoverListTest, IsTakenAsAWholeTheLastElementFirst) {
  List list;
  EXPECT_EQ(list.TakeAll(), nullptr);
  Element elements[3] = {{1}, {2}, {3}};
  for (Element& element : elements) list.Push(&element);
  EXPECT_EQ(Take(list), (std::vector<int>{3, 2, 1}));
  EXPECT_EQ(list.TakeAll(), nullptr);
  list.Push(&elements[1]);
  EXPECT_EQ(Take(list), std::vector<int>{2}) << "without its former neighbours";
}

TEST(HandoverListTest, RacingThreadsLoseNoElement) {
  constexpr unsigned kPushing = 3;
  constexpr int kEach = testing::kSanitized ? 5000 : 100000;
  List list;
  std::vector<std::vector<Element>> elements(kPushing);
  std::atomic<unsigned> pushing{kPushing};
  std::size_t taken = 0;
  testing::RunThreads(kPushing + 1, [&](unsigned t) {
    if (t == kPushing) {
      for (bool is_last = false; !is_last;) {
        is_last = pushing == 0;
        for (const int number : Take(list)) {
          EXPECT_EQ(number, 7);
          ++taken;
        }
      }
      return;
    }
    elements[t] = std::vector<Element>(kEach);
    for (Element& element : elements[t]) {
      element.number = 7;
      list.Push(&element);
    }
    --pushing;
  });
  EXPECT_EQ(taken, std::size_t{kPushing} * kEach);
}

}  // namespace
}  // namespace haft::internal
