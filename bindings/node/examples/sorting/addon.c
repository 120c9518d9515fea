/* The native of the sorting example: gives a function of JavaScript to the
 * qsort_r of the C library, by the word of its handle. */

#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>

#include "haft_node.h"

/* The call that is under way in this thread. */
static _Thread_local struct {
  napi_env env;
  napi_value dispatch; /* (word, a, b) */
} now;

static int Compare(const void *a, const void *b, void *user_data) {
  napi_value receiver;
  napi_value arguments[3];
  napi_value result;
  int32_t order = 0;
  bool is_pending = true;
  napi_is_exception_pending(now.env, &is_pending);
  if (!is_pending && napi_get_undefined(now.env, &receiver) == napi_ok &&
      haft_node_create_handle(now.env, haft_from_pointer(user_data),
                              &arguments[0]) == napi_ok &&
      napi_create_double(now.env, *(const double *)a, &arguments[1]) ==
          napi_ok &&
      napi_create_double(now.env, *(const double *)b, &arguments[2]) ==
          napi_ok &&
      napi_call_function(now.env, receiver, now.dispatch, 3, arguments,
                         &result) == napi_ok)
    napi_get_value_int32(now.env, result, &order);
  return order;
}

/* sort(Float64Array, handle, dispatch): what the function throws is thrown. */
static napi_value Sort(napi_env env, napi_callback_info info) {
  napi_value values[3];
  size_t count = 3;
  napi_typedarray_type type;
  size_t length = 0;
  void *numbers = NULL;
  haft_handle order = 0;
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  if (napi_get_typedarray_info(env, values[0], &type, &length, &numbers, NULL,
                               NULL) != napi_ok ||
      type != napi_float64_array ||
      haft_node_get_handle(env, values[1], &order) != napi_ok) {
    napi_throw_type_error(env, NULL, "sort(Float64Array, handle)");
    return NULL;
  }
  now.env = env;
  now.dispatch = values[2];
  qsort_r(numbers, length, sizeof(double), Compare, haft_to_pointer(order));
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "sort", NAPI_AUTO_LENGTH, Sort, NULL,
                           &function) == napi_ok)
    napi_set_named_property(env, exports, "sort", function);
  return exports;
}
