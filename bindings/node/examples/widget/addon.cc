// The natives of the widget example: objects of a C++ library for JavaScript,
// and functions of JavaScript that the library calls on any thread.

#define NAPI_VERSION 8
#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#include "haft/haft.h"
#include "haft_node.h"
#include "widget.h"

namespace {

// A thread of JavaScript, as other threads see it.
class Port {
 public:
  struct Call {
    haft_handle function;
    int64_t sum;
  };

  const std::thread::id thread = std::this_thread::get_id();
  napi_env const env;
  napi_ref dispatch = nullptr;   // (word of a function, sum): calls it
  napi_ref error_for = nullptr;  // errorFor of the package

  explicit Port(napi_env of) : env(of) {}

  // Leaves a call to the event loop of the thread. Any thread may do so.
  haft_status Post(haft_handle function, int64_t sum) {
    std::unique_ptr<Call> call(new (std::nothrow) Call{function, sum});
    if (call == nullptr) return HAFT_OUT_OF_MEMORY;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (wake_ == nullptr) return HAFT_STALE;
    if (napi_call_threadsafe_function(wake_, call.get(),
                                      napi_tsfn_nonblocking) != napi_ok)
      return HAFT_OUT_OF_MEMORY;
    (void)call.release();
    return HAFT_OK;
  }

  // Calls a function on this thread. An exception stays pending.
  haft_status Invoke(haft_handle function, int64_t sum) const {
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return HAFT_INVALID;
    napi_value callee;
    napi_value receiver;
    napi_value arguments[2];
    napi_value result;
    haft_status status = HAFT_INVALID;
    if (napi_get_reference_value(env, dispatch, &callee) == napi_ok &&
        napi_get_undefined(env, &receiver) == napi_ok &&
        haft_node_create_handle(env, function, &arguments[0]) == napi_ok &&
        napi_create_int64(env, sum, &arguments[1]) == napi_ok &&
        napi_call_function(env, receiver, callee, 2, arguments, &result) ==
            napi_ok)
      status = HAFT_OK;
    napi_close_handle_scope(env, scope);
    return status;
  }

  bool Start(napi_value function) {
    napi_value name;
    if (napi_create_string_utf8(env, "widget", NAPI_AUTO_LENGTH, &name) !=
            napi_ok ||
        napi_create_reference(env, function, 1, &dispatch) != napi_ok ||
        napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1,
                                        nullptr, nullptr, this, &OnPosted,
                                        &wake_) != napi_ok)
      return false;
    napi_unref_threadsafe_function(env, wake_);
    return true;
  }

  void End() {
    for (napi_ref* reference : {&dispatch, &error_for}) {
      if (*reference != nullptr) napi_delete_reference(env, *reference);
      *reference = nullptr;
    }
    napi_threadsafe_function wake;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      wake = wake_;
      wake_ = nullptr;
    }
    if (wake != nullptr)
      napi_release_threadsafe_function(wake, napi_tsfn_abort);
  }

 private:
  static void OnPosted(napi_env env, napi_value, void* self, void* posted) {
    const std::unique_ptr<Call> call(static_cast<Call*>(posted));
    if (env == nullptr) return;  // the thread has ended
    if (static_cast<Port*>(self)->Invoke(call->function, call->sum) == HAFT_OK)
      return;
    // No caller could catch the exception, so it is uncaught.
    bool is_thrown = false;
    napi_value exception;
    if (napi_is_exception_pending(env, &is_thrown) == napi_ok && is_thrown &&
        napi_get_and_clear_last_exception(env, &exception) == napi_ok)
      napi_fatal_exception(env, exception);
  }

  std::mutex mutex_;
  napi_threadsafe_function wake_ = nullptr;  // null if the thread has ended
};

// The port whose JavaScript is below this on the stack.
thread_local const Port* entered = nullptr;

class Entered {
 public:
  explicit Entered(const Port* port) : outer_(entered) { entered = port; }
  ~Entered() { entered = outer_; }
  Entered(const Entered&) = delete;

 private:
  const Port* const outer_;
};

// The user data of the library is the handle of one of these.
struct Listener {
  std::shared_ptr<Port> port;
  haft_handle function;
};

const haft_type kListener = {
    "listener", "haft.example.node.listener/1",
    [](void* listener) { delete static_cast<Listener*>(listener); },
    sizeof(Listener), alignof(Listener)};

// The callback of the library.
haft_status OnSum(void* user_data, int64_t sum) {
  HAFT_SCOPED_PIN(pin);
  void* object = nullptr;
  const haft_status status =
      haft_pin_object(haft_from_pointer(user_data), &kListener, &pin, &object);
  if (status != HAFT_OK) return status;
  const auto& listener = *static_cast<const Listener*>(object);
  return entered == listener.port.get()
             ? listener.port->Invoke(listener.function, sum)
             : listener.port->Post(listener.function, sum);
}

// --- What JavaScript calls --------------------------------------------------

struct Arguments {
  napi_value values[2] = {};
  std::shared_ptr<Port>* port = nullptr;

  Arguments(napi_env env, napi_callback_info info) {
    std::size_t count = 2;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, values, nullptr, &data);
    port = static_cast<std::shared_ptr<Port>*>(data);
  }

  bool Handle(napi_env env, int index, haft_handle* handle) const {
    if (haft_node_get_handle(env, values[index], handle) == napi_ok)
      return true;
    napi_throw_type_error(env, nullptr, "a handle is a number or a bigint");
    return false;
  }
  bool Number(napi_env env, int index, int64_t* number) const {
    if (napi_get_value_int64(env, values[index], number) == napi_ok)
      return true;
    napi_throw_type_error(env, nullptr, "an amount is a number");
    return false;
  }
  // Throws if a status is not HAFT_OK, unless an exception is pending.
  bool Check(napi_env env, haft_status status, haft_handle handle) const {
    bool is_pending = true;
    napi_is_exception_pending(env, &is_pending);
    if (is_pending) return false;
    if (status == HAFT_OK) return true;
    napi_value error_for;
    if (napi_get_reference_value(env, (*port)->error_for, &error_for) ==
        napi_ok)
      haft_node_throw(env, error_for, status, handle);
    return false;
  }
};

napi_value FromHandle(napi_env env, haft_handle handle) {
  napi_value value = nullptr;
  haft_node_create_handle(env, handle, &value);
  return value;
}
napi_value FromNumber(napi_env env, int64_t number) {
  napi_value value = nullptr;
  napi_create_int64(env, number, &value);
  return value;
}

// widgetNew(sum)
napi_value WidgetNew(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  int64_t sum;
  haft_handle widget = 0;
  if (!given.Number(env, 0, &sum) ||
      !given.Check(env, widget_new(sum, &widget), 0))
    return nullptr;
  return FromHandle(env, widget);
}

// widgetAdd(widget, amount)
napi_value WidgetAdd(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  haft_handle widget;
  int64_t amount;
  if (!given.Handle(env, 0, &widget) || !given.Number(env, 1, &amount))
    return nullptr;
  int64_t sum = 0;
  const Entered inside(given.port->get());
  const haft_status status = widget_add(widget, amount, &sum);
  return given.Check(env, status, widget) ? FromNumber(env, sum) : nullptr;
}

// widgetAddLater(widget, amount)
napi_value WidgetAddLater(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  haft_handle widget;
  int64_t amount;
  if (given.Handle(env, 0, &widget) && given.Number(env, 1, &amount))
    (void)given.Check(env, widget_add_later(widget, amount), widget);
  return nullptr;
}

// listenerNew(word of a function)
napi_value ListenerNew(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  haft_handle function;
  if (!given.Handle(env, 0, &function)) return nullptr;
  std::unique_ptr<Listener> listener(new (std::nothrow)
                                         Listener{*given.port, function});
  haft_handle handle = 0;
  const haft_status status =
      listener == nullptr ? HAFT_OUT_OF_MEMORY
                          : haft_new(listener.get(), &kListener, &handle);
  if (!given.Check(env, status, 0)) return nullptr;
  (void)listener.release();
  return FromHandle(env, handle);
}

// widgetSubscribe(widget, listener)
napi_value WidgetSubscribe(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  haft_handle widget;
  haft_handle listener;
  if (!given.Handle(env, 0, &widget) || !given.Handle(env, 1, &listener))
    return nullptr;
  void* object;
  const haft_status status = haft_value(listener, &kListener, &object);
  if (given.Check(env, status, listener)) {
    (void)given.Check(
        env, widget_subscribe(widget, &OnSum, haft_to_pointer(listener)),
        widget);
  }
  return nullptr;
}

napi_value WidgetJoin(napi_env, napi_callback_info) {
  widget_join();
  return nullptr;
}

napi_value WidgetCount(napi_env env, napi_callback_info) {
  return FromNumber(env, widget_count());
}

// start(dispatch, errorFor)
napi_value Start(napi_env env, napi_callback_info info) {
  const Arguments given(env, info);
  Port& port = **given.port;
  if (napi_create_reference(env, given.values[1], 1, &port.error_for) !=
          napi_ok ||
      !port.Start(given.values[0]))
    napi_throw_error(env, nullptr, "widget: no memory");
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  auto* const port = new std::shared_ptr<Port>(std::make_shared<Port>(env));
  napi_add_env_cleanup_hook(
      env,
      [](void* data) {
        auto* const ending = static_cast<std::shared_ptr<Port>*>(data);
        (*ending)->End();
        delete ending;
      },
      port);
  const struct {
    const char* name;
    napi_callback function;
  } natives[] = {{"start", &Start},
                 {"widgetNew", &WidgetNew},
                 {"widgetAdd", &WidgetAdd},
                 {"widgetAddLater", &WidgetAddLater},
                 {"widgetSubscribe", &WidgetSubscribe},
                 {"widgetJoin", &WidgetJoin},
                 {"widgetCount", &WidgetCount},
                 {"listenerNew", &ListenerNew}};
  for (const auto& native : natives) {
    napi_value function = nullptr;
    napi_create_function(env, native.name, NAPI_AUTO_LENGTH, native.function,
                         port, &function);
    napi_set_named_property(env, exports, native.name, function);
  }
  return exports;
}
