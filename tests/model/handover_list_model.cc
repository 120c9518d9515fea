// The list by which work is left to the holder of a lock.

#include "gtest/gtest.h"
#include "haft/internal/base/handover_list.h"
#include "haft/internal/base/sync.h"
#include "tests/model/model.h"

namespace haft::model {
namespace {

struct Element {
  internal::sync::Plain<int> work;
  internal::sync::Plain<Element*> next;
};
using List = internal::HandoverList<Element, &Element::next>;

// Two threads push an element each, and one takes what is there.
struct TwoPushesAgainstTakeAll {
  static constexpr unsigned kThreads = 3;
  List list;
  Element elements[2];
  int taken = 0;

  void Thread(unsigned i) {
    if (i == 2) return Take();
    elements[i].work.Write(7);
    list.Push(&elements[i]);
  }
  void Take() {
    for (Element* element = list.TakeAll(); element != nullptr;
         element = List::Next(*element)) {
      Require(element->work.Read() == 7, "not seen as it was pushed");
      element->work.Write(8);
      ++taken;
    }
  }
  void After() {
    Take();
    Require(taken == 2, "an element was lost");
  }
};
TEST(HandoverListModel, TwoPushesAgainstTakeAll) {
  Exploration().Bound(3).Random(50'000).Holds<TwoPushesAgainstTakeAll>();
}

// A thread pushes what it has taken, while another thread pushes: no push can
// mistake the element for the one that it has seen at the top.
struct PushAgainstTakeAllAndPush {
  static constexpr unsigned kThreads = 2;
  List list;
  Element elements[2];

  PushAgainstTakeAllAndPush() { list.Push(&elements[0]); }
  void Thread(unsigned i) {
    if (i == 1) return list.Push(&elements[1]);
    Element* const taken = list.TakeAll();
    if (taken == &elements[0]) list.Push(taken);
  }
  void After() {
    int left = 0;
    for (Element* element = list.TakeAll(); element != nullptr;
         element = List::Next(*element))
      Require(++left <= 2, "a cycle");
  }
};
TEST(HandoverListModel, PushAgainstTakeAllAndPush) {
  Exploration().Bound(3).Random(50'000).Holds<PushAgainstTakeAllAndPush>();
}

}  // namespace
}  // namespace haft::model
