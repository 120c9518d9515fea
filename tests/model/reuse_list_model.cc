// The list of objects that are used again and never freed.

#include "gtest/gtest.h"
#include "haft/internal/base/reuse_list.h"
#include "haft/internal/base/sync.h"
#include "tests/model/model.h"

namespace haft::model {
namespace {

struct Object : internal::ReuseList<Object>::Link {
  Object() { made.Write(7); }
  internal::sync::Plain<int> made;
  internal::sync::Plain<int> owners_word;
  bool is_owned = false;
};

// The objects that a model has made are freed when it ends.
struct List : internal::ReuseList<Object> {
  ~List() {
    ForEach([](Object& object) { delete &object; });
  }
};

// A thread makes an object while another walks the list.
struct AddAgainstWalk {
  static constexpr unsigned kThreads = 2;
  List list;

  void Thread(unsigned i) {
    if (i == 0) {
      Require(list.Take() != nullptr, "there is memory");
      return;
    }
    list.ForEach([](Object& object) {
      Require(object.made.Read() == 7, "an object as it was made");
    });
  }
  void After() {}
};
TEST(ReuseListModel, AddAgainstWalk) {
  Exploration().Bound(3).Random(50'000).Holds<AddAgainstWalk>();
}

// Threads own objects one after the other, or at the same time.
struct TwoOwners {
  static constexpr unsigned kThreads = 2;
  List list;
  unsigned made = 0;

  void Thread(unsigned i) {
    for (unsigned round = 0; round < 2; ++round) {
      Object* const object = list.Take();
      Require(object != nullptr && !object->is_owned, "owned by one thread");
      object->is_owned = true;
      object->owners_word.Write(static_cast<int>(i));
      Require(object->owners_word.Read() == static_cast<int>(i),
              "nobody else writes to it");
      object->is_owned = false;
      list.Give(*object);
    }
  }
  void After() {
    list.ForEach([this](Object&) { ++made; });
    Require(made >= 1 && made <= 4, "a Take makes one at most");
    // All can be had again, and then another one is made.
    for (unsigned i = 0; i <= made; ++i) {
      Object* const object = list.Take();
      Require(!object->is_owned, "an object has one owner");
      object->is_owned = true;
    }
    unsigned now = 0;
    list.ForEach([&now](Object&) { ++now; });
    Require(now == made + 1, "no object was lost");
  }
};
TEST(ReuseListModel, TwoOwners) {
  Exploration().Bound(3).Random(50'000).Holds<TwoOwners>();
}

}  // namespace
}  // namespace haft::model
