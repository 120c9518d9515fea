#include "widget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "haft/process_table.h"

namespace {

haft_handle Made(int64_t sum) {
  haft_handle widget = 0;
  EXPECT_EQ(widget_new(sum, &widget), HAFT_OK);
  return widget;
}

// An object that another language's binding keeps for C: the user data is its
// handle, and the callback pins it.
struct Listener {
  std::function<void(int64_t)> heard;

  static haft_status Call(void* user_data, int64_t sum) {
    const auto listener =
        haft::Pin<Listener>(haft::Handle::FromPointer(user_data));
    if (listener) listener->heard(sum);
    return static_cast<haft_status>(listener.status());
  }
};

class WidgetTest : public testing::Test {
 protected:
  ~WidgetTest() override {
    widget_join();
    EXPECT_EQ(widget_count(), 0);
  }
};

TEST_F(WidgetTest, Adds) {
  const haft_handle widget = Made(40);
  int64_t sum = 0;
  EXPECT_EQ(widget_add(widget, 2, &sum), HAFT_OK);
  EXPECT_EQ(sum, 42);
  EXPECT_EQ(widget_delete(widget), HAFT_OK);
}

TEST_F(WidgetTest, RefusesWhatIsNoWidget) {
  const haft_handle widget = Made(0);
  EXPECT_EQ(widget_delete(widget), HAFT_OK);
  int64_t sum = 7;
  EXPECT_EQ(widget_add(widget, 1, &sum), HAFT_STALE);
  EXPECT_EQ(widget_delete(widget), HAFT_STALE);
  EXPECT_EQ(widget_add(0, 1, &sum), HAFT_NULL);
  EXPECT_EQ(widget_add(12, 1, &sum), HAFT_MALFORMED);
  EXPECT_EQ(widget_subscribe(widget, nullptr, nullptr), HAFT_STALE);
  EXPECT_EQ(widget_add_later(widget, 1), HAFT_STALE);
  int other = 0;
  const auto no_widget = static_cast<haft_handle>(haft::New(&other));
  EXPECT_EQ(widget_add(no_widget, 1, &sum), HAFT_WRONG_TYPE);
  EXPECT_EQ(widget_delete(no_widget), HAFT_WRONG_TYPE);
  EXPECT_EQ(haft_delete(no_widget, nullptr), HAFT_OK);
  EXPECT_EQ(sum, 7);
}

TEST_F(WidgetTest, CallbackMayDeleteTheWidgetThatCallsIt) {
  const haft_handle widget = Made(0);
  int64_t alive = 0;
  const haft::Handle listener = haft::New(Listener{[&](int64_t) {
    EXPECT_EQ(widget_delete(widget), HAFT_OK);
    alive = widget_count();
  }});
  ASSERT_EQ(widget_subscribe(widget, &Listener::Call, listener.ToPointer()),
            HAFT_OK);
  int64_t sum = 0;
  EXPECT_EQ(widget_add(widget, 1, &sum), HAFT_OK);
  EXPECT_EQ(sum, 1);
  EXPECT_EQ(alive, 1);
  EXPECT_EQ(widget_count(), 0);
  EXPECT_EQ(widget_add(widget, 1, &sum), HAFT_STALE);
  EXPECT_EQ(haft::Delete<Listener>(listener), haft::Status::kOk);
}

TEST_F(WidgetTest, CallbackWhoseUserDataIsGoneIsRefusedAndForgotten) {
  const haft_handle widget = Made(0);
  static int calls;
  calls = 0;
  int heard = 0;
  const haft::Handle listener = haft::New(Listener{[&](int64_t) { ++heard; }});
  const auto counting = [](void* user_data, int64_t sum) {
    ++calls;
    return Listener::Call(user_data, sum);
  };
  ASSERT_EQ(widget_subscribe(widget, counting, listener.ToPointer()), HAFT_OK);
  EXPECT_EQ(widget_add(widget, 1, nullptr), HAFT_OK);
  EXPECT_EQ(haft::Delete(listener), haft::Status::kOk);
  EXPECT_EQ(widget_add(widget, 1, nullptr), HAFT_OK);
  EXPECT_EQ(widget_add(widget, 1, nullptr), HAFT_OK);
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(widget_delete(widget), HAFT_OK);
}

TEST_F(WidgetTest, AddLaterKeepsAWidgetThatIsDeletedMeanwhile) {
  const haft_handle widget = Made(1);
  std::promise<int64_t> inside;
  std::promise<void> go_on;
  const haft::Handle listener = haft::New(Listener{[&](int64_t sum) {
    inside.set_value(sum);
    go_on.get_future().wait();
  }});
  ASSERT_EQ(widget_subscribe(widget, &Listener::Call, listener.ToPointer()),
            HAFT_OK);
  ASSERT_EQ(widget_add_later(widget, 2), HAFT_OK);
  EXPECT_EQ(inside.get_future().get(), 3);
  EXPECT_EQ(widget_delete(widget), HAFT_OK);
  EXPECT_EQ(widget_add(widget, 1, nullptr), HAFT_STALE);
  EXPECT_EQ(widget_count(), 1);
  go_on.set_value();
  widget_join();
  EXPECT_EQ(widget_count(), 0);
  EXPECT_EQ(haft::Delete(listener), haft::Status::kOk);
}

TEST_F(WidgetTest, ThreadsAgainstADelete) {
  for (int round = 0; round < 50; ++round) {
    const haft_handle widget = Made(0);
    std::atomic<int> ready{0};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader) {
      readers.emplace_back([&] {
        ++ready;
        haft_status status;
        while ((status = widget_add(widget, 1, nullptr)) == HAFT_OK) {
        }
        EXPECT_EQ(status, HAFT_STALE);
      });
    }
    while (ready < 3) std::this_thread::yield();
    EXPECT_EQ(widget_delete(widget), HAFT_OK);
    for (std::thread& reader : readers) reader.join();
  }
}

}  // namespace
