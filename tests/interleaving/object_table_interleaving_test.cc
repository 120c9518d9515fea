// Tests of ObjectTable with two threads. One stops before each atomic operation
// of its call; the other then runs up to each of its own. Then the first goes
// on to its end, and the other follows.

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::Stop;
using Table = ObjectTable<int>;

// The calls of one case, and the check that follows them.
struct Case {
  std::function<void()> first, second;
  std::function<void()> check;
};

// Runs make() and its calls for each pair of places to stop at.
void ForEachPairOfStops(const std::function<Case()>& make) {
  bool first_ended = false;
  for (unsigned i = 1; !first_ended; ++i) {
    bool second_ended = false;
    for (unsigned j = 1; !second_ended; ++j) {
      SCOPED_TRACE(::testing::Message() << "steps " << i << " and " << j);
      Case calls = make();
      std::promise<void> stopped, go;
      std::thread first([&] {
        Stop::Before(i, [&] {
          stopped.set_value();
          go.get_future().wait();
        });
        calls.first();
        first_ended = Stop::Cancel();
        if (first_ended) stopped.set_value();
      });
      stopped.get_future().wait();
      const auto let_first_end = [&] {
        go.set_value();
        first.join();
      };
      Stop::Before(j, let_first_end);
      calls.second();
      second_ended = Stop::Cancel();
      if (second_ended) let_first_end();
      calls.check();
      if (::testing::Test::HasFailure()) return;
    }
  }
}

class ObjectTableInterleavingTest : public ::testing::Test {
 protected:
  // Each pair has threads of its own, which begin and end outside the calls.
  Table table_{100};
  Handle handle_;
  Status status_ = Status::kOk;
  std::optional<Table::Pinned> pin_;
};

TEST_F(ObjectTableInterleavingTest, PinnedHandleIsFoundWhileOthersTryToDelete) {
  ForEachPairOfStops([&] {
    handle_ = table_.Emplace(1);
    pin_.reset();
    return Case{
        [&, held = std::make_shared<Table::Pinned>(table_.Pin(handle_))] {
          status_ = table_.DeleteUnlessPinned(handle_);
        },
        [&] { pin_.emplace(table_.Pin(handle_)); },
        [&] {
          EXPECT_EQ(status_, Status::kPinned);
          EXPECT_TRUE(*pin_);
          EXPECT_EQ(pin_->status(), Status::kOk);
        }};
  });
}

TEST_F(ObjectTableInterleavingTest, EitherPinnedOrDeleted) {
  ForEachPairOfStops([&] {
    handle_ = table_.Emplace(1);
    pin_.reset();
    return Case{[&] { status_ = table_.DeleteUnlessPinned(handle_); },
                [&] { pin_.emplace(table_.Pin(handle_)); },
                [&] {
                  const bool deleted = status_ == Status::kOk;
                  EXPECT_EQ(bool(*pin_), !deleted);
                  EXPECT_EQ(status_, deleted ? Status::kOk : Status::kPinned);
                  EXPECT_EQ(pin_->status(),
                            deleted ? Status::kStale : Status::kOk);
                }};
  });
}

// The same with the roles changed.
TEST_F(ObjectTableInterleavingTest, EitherDeletedOrPinned) {
  ForEachPairOfStops([&] {
    handle_ = table_.Emplace(1);
    pin_.reset();
    return Case{[&] { pin_.emplace(table_.Pin(handle_)); },
                [&] { status_ = table_.DeleteUnlessPinned(handle_); },
                [&] {
                  const bool deleted = status_ == Status::kOk;
                  EXPECT_EQ(bool(*pin_), !deleted);
                  EXPECT_EQ(status_, deleted ? Status::kOk : Status::kPinned);
                  EXPECT_EQ(pin_->status(),
                            deleted ? Status::kStale : Status::kOk);
                }};
  });
}

}  // namespace
}  // namespace haft
