/* Handles in the JavaScript values of Node-API addons, as the package haft has
 * them: a number, which is the double whose 64 bits are the word. A bigint is
 * accepted, too, and stands for the few words that are NaN as doubles.
 *
 * An addon of its own needs this header, haft.h, and libhaft.so.0 of the folder
 * require('haft').paths.library. */

#ifndef HAFT_NODE_H_
#define HAFT_NODE_H_

#include <node_api.h>
#include <stdint.h>
#include <string.h>

#include "haft/haft.h"

/* Gives the word of a handle that JavaScript has passed.
 *   Returns   napi_ok; napi_number_expected if it is neither a number nor a
 *             bigint. A bigint that is no word gives 2, which is malformed */
static inline napi_status haft_node_get_handle(napi_env env, napi_value value,
                                               haft_handle *handle) {
  double number;
  uint64_t word;
  bool is_lossless = false;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    memcpy(handle, &number, sizeof(number));
    return napi_ok;
  }
  if (napi_get_value_bigint_uint64(env, value, &word, &is_lossless) != napi_ok)
    return napi_number_expected;
  *handle = is_lossless ? (haft_handle)word : 2;
  return napi_ok;
}

/* Gives the JavaScript value of a handle. Returns what Node-API returns. */
static inline napi_status haft_node_create_handle(napi_env env,
                                                  haft_handle handle,
                                                  napi_value *value) {
  double number;
  memcpy(&number, &handle, sizeof(number));
  if (number != number) return napi_create_bigint_uint64(env, handle, value);
  return napi_create_double(env, number, value);
}

/* Throws the error of the package haft for a status about a handle (0: none).
 * `error_for` is its function errorFor. */
static inline void haft_node_throw(napi_env env, napi_value error_for,
                                   int status, haft_handle handle) {
  napi_value receiver;
  napi_value arguments[2];
  napi_value error;
  if (napi_get_undefined(env, &receiver) == napi_ok &&
      napi_create_int32(env, status, &arguments[0]) == napi_ok &&
      haft_node_create_handle(env, handle, &arguments[1]) == napi_ok &&
      napi_call_function(env, receiver, error_for, handle == 0 ? 1 : 2,
                         arguments, &error) == napi_ok)
    napi_throw(env, error);
}

#endif /* HAFT_NODE_H_ */
