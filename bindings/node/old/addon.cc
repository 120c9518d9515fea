// The natives of the module haft. Each calls the table and throws an error if
// the table refuses.

#include <cstdint>

#include "environment.h"
#include "haft/haft.h"
#include "natives.h"
#include "widget.h"

namespace {

Environment& EnvironmentOf(void* data) {
  return *static_cast<Environment*>(data);
}

// Returns whether `status` is napi_ok; otherwise throws a TypeError.
bool CheckArgument(napi_env env, napi_status status, const char* message) {
  bool pending = false;
  if (status != napi_ok &&
      (napi_is_exception_pending(env, &pending) != napi_ok || !pending)) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  }
  return status == napi_ok;
}

// Throws if `status` is not HAFT_OK, or if an exception is pending, which comes
// first. Returns whether there was nothing to throw.
bool Check(napi_env env, int status, haft_handle handle) {
  bool pending = true;
  napi_is_exception_pending(env, &pending);
  if (pending) return false;
  if (status == HAFT_OK) return true;
  char text[256] = "";
  if (handle != 0) haft_table_describe(nullptr, handle, text, sizeof(text));
  napi_value error;
  napi_value receiver;
  napi_value arguments[3];
  void* make_error = nullptr;
  if (napi_get_instance_data(env, &make_error) == napi_ok &&
      napi_get_reference_value(env, static_cast<napi_ref>(make_error),
                               &error) == napi_ok &&
      napi_get_undefined(env, &receiver) == napi_ok &&
      napi_create_int32(env, status, &arguments[0]) == napi_ok &&
      napi_create_string_utf8(env, haft_strerror(status), NAPI_AUTO_LENGTH,
                              &arguments[1]) == napi_ok &&
      napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &arguments[2]) ==
          napi_ok &&
      napi_call_function(env, receiver, error, 3, arguments, &error) ==
          napi_ok) {
    napi_throw(env, error);
  }
  return false;
}

// Returns whether `value` is a BigInt. A BigInt that is no word of the machine
// is malformed.
bool ToWord(napi_env env, napi_value value, haft_handle* handle,
            haft_status* status) {
  uint64_t word = 0;
  bool lossless = false;
  if (!CheckArgument(env,
                     napi_get_value_bigint_uint64(env, value, &word, &lossless),
                     "a handle is a BigInt")) {
    return false;
  }
  *handle = static_cast<haft_handle>(word);
  *status = lossless && *handle == word ? HAFT_OK : HAFT_MALFORMED;
  return true;
}

bool ToHandle(napi_env env, napi_value value, haft_handle* handle) {
  haft_status status;
  return ToWord(env, value, handle, &status) && Check(env, status, 0);
}

bool ToNumber(napi_env env, napi_value value, int64_t* number) {
  return CheckArgument(env, napi_get_value_int64(env, value, number),
                       "an amount is a number");
}

napi_value FromHandle(napi_env env, haft_handle handle) {
  napi_value word = nullptr;
  napi_create_bigint_uint64(env, handle, &word);
  return word;
}

// --- Handles ----------------------------------------------------------------

// makeErrorsWith(function of the status, its meaning, the known details)
napi_value MakeErrorsWith(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  napi_ref make_error = nullptr;
  if (CheckArgument(env,
                    napi_create_reference(env, given.values[0], 1, &make_error),
                    "a function makes errors")) {
    napi_set_instance_data(
        env, make_error,
        [](napi_env ending, void* reference, void*) {
          napi_delete_reference(ending, static_cast<napi_ref>(reference));
        },
        nullptr);
  }
  return nullptr;
}

napi_value New(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  haft_handle handle = 0;
  return Check(env, EnvironmentOf(given.data).New(given.values[0], &handle), 0)
             ? FromHandle(env, handle)
             : nullptr;
}

napi_value Get(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  haft_handle handle;
  if (!ToHandle(env, given.values[0], &handle)) return nullptr;
  napi_value value = nullptr;
  return Check(env, EnvironmentOf(given.data).Get(handle, &value), handle)
             ? value
             : nullptr;
}

napi_value Delete(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  haft_handle handle;
  if (!ToHandle(env, given.values[0], &handle)) return nullptr;
  const Environment::Entered inside(&EnvironmentOf(given.data));
  Check(env, Environment::Delete(handle), handle);
  return nullptr;
}

napi_value CheckHandle(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  haft_handle handle;
  if (ToHandle(env, given.values[0], &handle))
    Check(env, haft_check(handle), handle);
  return nullptr;
}

napi_value IsLive(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  haft_handle handle;
  haft_status status;
  if (!ToWord(env, given.values[0], &handle, &status)) return nullptr;
  napi_value live = nullptr;
  napi_get_boolean(env, status == HAFT_OK && haft_check(handle) == HAFT_OK,
                   &live);
  return live;
}

napi_value CountEnvironments(napi_env env, napi_callback_info) {
  return FromNumber(env, Environment::count());
}

// --- Widgets ----------------------------------------------------------------

// Node keeps the handle of a Widget, not a pointer. The widget may have been
// closed long before this; then the handle is stale and nothing happens.
void Collect(napi_env, void* widget, void*) {
  // A collector must not call JavaScript, even if JavaScript is below it on the
  // stack.
  const Environment::Entered nothing(nullptr);
  widget_delete(haft_from_pointer(widget));
}

// A pointer that another addon has wrapped is a word like any other, which the
// table checks.
bool Unwrap(napi_env env, napi_value object, haft_handle* widget) {
  void* word = nullptr;
  if (!CheckArgument(env, napi_unwrap(env, object, &word), "that is no Widget"))
    return false;
  *widget = haft_from_pointer(word);
  return true;
}

bool Wrap(napi_env env, napi_value object, haft_handle widget, bool owned) {
  return CheckArgument(env,
                       napi_wrap(env, object, haft_to_pointer(widget),
                                 owned ? &Collect : nullptr, nullptr, nullptr),
                       "a Widget is an object");
}

// widgetNew(object, sum)
napi_value WidgetNew(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  int64_t sum;
  haft_handle widget = 0;
  if (!ToNumber(env, given.values[1], &sum)) return nullptr;
  if (Check(env, widget_new(sum, &widget), 0) &&
      !Wrap(env, given.values[0], widget, true)) {
    widget_delete(widget);
  }
  return nullptr;
}

// widgetBorrow(object, word)
napi_value WidgetBorrow(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  haft_handle widget;
  if (ToHandle(env, given.values[1], &widget))
    Wrap(env, given.values[0], widget, false);
  return nullptr;
}

napi_value WidgetWord(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  haft_handle widget;
  return Unwrap(env, given.values[0], &widget) ? FromHandle(env, widget)
                                               : nullptr;
}

// widgetAdd(object, amount)
napi_value WidgetAdd(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  haft_handle widget;
  int64_t amount;
  if (!Unwrap(env, given.values[0], &widget) ||
      !ToNumber(env, given.values[1], &amount)) {
    return nullptr;
  }
  const Environment::Entered inside(&EnvironmentOf(given.data));
  int64_t sum = 0;
  return Check(env, widget_add(widget, amount, &sum), widget)
             ? FromNumber(env, sum)
             : nullptr;
}

// widgetAddLater(object, amount)
napi_value WidgetAddLater(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  haft_handle widget;
  int64_t amount;
  if (Unwrap(env, given.values[0], &widget) &&
      ToNumber(env, given.values[1], &amount)) {
    Check(env, widget_add_later(widget, amount), widget);
  }
  return nullptr;
}

// widgetSubscribe(object, word of a function)
napi_value WidgetSubscribe(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  haft_handle widget;
  haft_handle listener;
  napi_value function;
  if (!Unwrap(env, given.values[0], &widget) ||
      !ToHandle(env, given.values[1], &listener) ||
      !Check(env, EnvironmentOf(given.data).Get(listener, &function),
             listener)) {
    return nullptr;
  }
  napi_valuetype type;
  if (napi_typeof(env, function, &type) != napi_ok || type != napi_function) {
    Check(env, HAFT_WRONG_TYPE, listener);
    return nullptr;
  }
  Check(env,
        widget_subscribe(widget, &Environment::Call, haft_to_pointer(listener)),
        widget);
  return nullptr;
}

// widgetClose(object): the second time it does nothing.
napi_value WidgetClose(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  haft_handle widget;
  if (!Unwrap(env, given.values[0], &widget)) return nullptr;
  const Environment::Entered inside(&EnvironmentOf(given.data));
  const haft_status status = widget_delete(widget);
  if (status != HAFT_STALE) Check(env, status, widget);
  return nullptr;
}

napi_value WidgetJoin(napi_env, napi_callback_info) {
  widget_join();
  return nullptr;
}

napi_value WidgetCount(napi_env env, napi_callback_info) {
  return FromNumber(env, widget_count());
}

}  // namespace

NAPI_MODULE_INIT() {
  Environment* const environment = Environment::Create(env);
  if (environment == nullptr) return nullptr;
  return Export(env, exports,
                {{"makeErrorsWith", &MakeErrorsWith},
                 {"newHandle", &New},
                 {"value", &Get},
                 {"deleteHandle", &Delete},
                 {"check", &CheckHandle},
                 {"isLive", &IsLive},
                 {"countEnvironments", &CountEnvironments},
                 {"widgetNew", &WidgetNew},
                 {"widgetBorrow", &WidgetBorrow},
                 {"widgetWord", &WidgetWord},
                 {"widgetAdd", &WidgetAdd},
                 {"widgetAddLater", &WidgetAddLater},
                 {"widgetSubscribe", &WidgetSubscribe},
                 {"widgetClose", &WidgetClose},
                 {"widgetJoin", &WidgetJoin},
                 {"widgetCount", &WidgetCount}},
                environment);
}
