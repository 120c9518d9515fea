#include "widget.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "haft/process_table.h"

namespace {

std::atomic<int64_t> widgets{0};

class Widget {
 public:
  explicit Widget(int64_t sum) noexcept : sum_(sum) { ++widgets; }
  ~Widget() { --widgets; }
  Widget(const Widget&) = delete;

  int64_t Add(int64_t amount) {
    const int64_t sum = sum_ += amount;
    const Subscriber subscriber = Current();
    // Called without the lock, because it may call this widget.
    if (subscriber.callback != nullptr &&
        subscriber.callback(subscriber.user_data, sum) != HAFT_OK) {
      Forget(subscriber);
    }
    return sum;
  }

  void Subscribe(widget_callback callback, void* user_data) {
    const std::lock_guard<std::mutex> lock(mutex_);
    subscriber_ = {callback, user_data};
  }

 private:
  struct Subscriber {
    widget_callback callback = nullptr;
    void* user_data = nullptr;
  };

  Subscriber Current() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return subscriber_;
  }
  void Forget(const Subscriber& subscriber) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (subscriber_.user_data == subscriber.user_data) subscriber_ = {};
  }

  std::atomic<int64_t> sum_;
  std::mutex mutex_;
  Subscriber subscriber_;
};

haft_status ToC(haft::Status status) {
  return static_cast<haft_status>(status);
}

std::mutex threads_mutex;
std::vector<std::thread> threads;

}  // namespace

haft_status widget_new(int64_t sum, haft_handle* widget) {
  if (widget == nullptr) return HAFT_INVALID;
  std::unique_ptr<Widget> made(new (std::nothrow) Widget(sum));
  if (made == nullptr) return HAFT_OUT_OF_MEMORY;
  haft::Status status;
  const haft::Handle handle = haft::New(std::move(made), &status);
  if (handle) *widget = static_cast<haft_handle>(handle);
  return ToC(status);
}

haft_status widget_add(haft_handle widget, int64_t amount, int64_t* sum) {
  const auto pin = haft::Pin<Widget>(haft::Handle(widget));
  if (pin) {
    const int64_t now = pin->Add(amount);
    if (sum != nullptr) *sum = now;
  }
  return ToC(pin.status());
}

haft_status widget_subscribe(haft_handle widget, widget_callback callback,
                             void* user_data) {
  const auto pin = haft::Pin<Widget>(haft::Handle(widget));
  if (pin) pin->Subscribe(callback, user_data);
  return ToC(pin.status());
}

haft_status widget_add_later(haft_handle widget, int64_t amount) try {
  auto pin = haft::Pin<Widget>(haft::Handle(widget));
  if (!pin) return ToC(pin.status());
  const std::lock_guard<std::mutex> lock(threads_mutex);
  threads.reserve(threads.size() + 1);
  threads.emplace_back(
      [amount, pin = std::move(pin)] { (void)pin->Add(amount); });
  return HAFT_OK;
} catch (const std::exception&) {  // no memory or no thread
  return HAFT_OUT_OF_MEMORY;
}

void widget_join(void) {
  std::vector<std::thread> started;
  {
    const std::lock_guard<std::mutex> lock(threads_mutex);
    started.swap(threads);
  }
  for (std::thread& thread : started) thread.join();
}

haft_status widget_delete(haft_handle widget) {
  return ToC(haft::Delete<Widget>(haft::Handle(widget)));
}

const haft_type* widget_type(void) { return haft::TypeOf<Widget>(); }

int64_t widget_count(void) { return widgets; }
