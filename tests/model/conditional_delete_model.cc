// Models of deletion unless pinned, and of taking an object.

#include <optional>
#include <utility>

#include "gtest/gtest.h"
#include "haft/handle.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

using OneObject = OneObjectOf<TrackedTable>;

// DeleteUnlessPinned, by `kDeleters` threads, against a thread that pins and
// keeps the pin.
template <unsigned kDeleters>
struct DeletesUnlessPinned : OneObject {
  static constexpr unsigned kThreads = kDeleters + 1;
  unsigned succeeded = 0;
  unsigned pinned = 0;
  std::optional<TrackedPin> pin;

  void Thread(unsigned i) {
    if (i == kDeleters) {
      pin.emplace(Pin(table, handle, life));
      return;
    }
    succeeded += End(life, [&] {
      const Status status = table.DeleteUnlessPinned(handle);
      pinned += status == Status::kPinned;
      return status;
    });
  }
  void After() {
    Require(succeeded + (*pin ? 1 : 0) == 1, "either deleted or pinned");
    Require(!*pin || pinned == kDeleters, "pinned is said to be");
    if (*pin) (*pin)->Use(life);
    Unpin(*pin, life);
    OneObject::After();
  }
};
TEST(ConditionalDeleteModel, DeleteUnlessPinnedAgainstPin) {
  Exploration().Bound(2).Random(50'000).Holds<DeletesUnlessPinned<1>>();
}
TEST(ConditionalDeleteModel, TwoDeletesUnlessPinnedAgainstPin) {
  Exploration().Bound(1).Random(200'000).Holds<DeletesUnlessPinned<2>>();
}

// No thread pins, so no thread is told that the object is in use.
struct TwoDeletesUnlessPinned : OneObject {
  static constexpr unsigned kThreads = 2;
  unsigned succeeded = 0;

  void Thread(unsigned) {
    succeeded += End(life, [&] {
      const Status status = table.DeleteUnlessPinned(handle);
      Require(status != Status::kPinned && status != Status::kScoped,
              "used by nobody");
      return status;
    });
  }
  void After() {
    Require(succeeded == 1, "one of two succeeds");
    OneObject::After();
  }
};
TEST(ConditionalDeleteModel, TwoDeletesUnlessPinned) {
  Exploration().Bound(2).Random(50'000).Holds<TwoDeletesUnlessPinned>();
}

struct DeleteUnlessPinnedAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 3;
  unsigned succeeded = 0;

  void Thread(unsigned i) {
    switch (i) {
      case 0:
        succeeded +=
            End(life, [&] { return table.DeleteUnlessPinned(handle); });
        break;
      case 1:
        succeeded += Delete(table, handle, life);
        break;
      case 2:
        PinUseUnpin(table, handle, life);
        break;
    }
  }
  void After() {
    Require(succeeded == 1, "one of two succeeds");
    OneObject::After();
  }
};
TEST(ConditionalDeleteModel, DeleteUnlessPinnedAgainstDelete) {
  Exploration()
      .Bound(1)
      .Random(50'000)
      .Holds<DeleteUnlessPinnedAgainstDelete>();
}

// An object is moved out of the table while another thread tries to pin it.
class Movable {
 public:
  explicit Movable(unsigned value) noexcept { value_.Write(value); }
  Movable(Movable&& other) noexcept {
    value_.Write(other.value_.Read());
    other.value_.Write(0);
  }
  unsigned value() const noexcept { return value_.Read(); }

 private:
  internal::sync::Plain<unsigned> value_;
};
struct TakeAgainstPinAndTake : ThreadsWithIndices {
  static constexpr unsigned kThreads = 3;
  ObjectTable<Movable, TrackedTraits> table{1};
  const Handle handle = table.Emplace(7u);
  unsigned taken = 0;

  void Thread(unsigned i) {
    if (i == 2) {
      if (auto pin = table.Pin(handle))
        Require(pin->value() == 7, "not moved from while pinned");
    } else if (std::optional<Movable> object = table.Take(handle)) {
      Require(object->value() == 7, "the object itself");
      ++taken;
    }
  }
  void After() {
    Require(taken <= 1, "taken once");
    Require(taken == 1 || table.Take(handle)->value() == 7, "not lost");
  }
};
TEST(ConditionalDeleteModel, TakeAgainstPinAndTake) {
  Exploration().Bound(1).Random(50'000).Holds<TakeAgainstPinAndTake>();
}

}  // namespace
}  // namespace haft::model
