/* C code that has handles of JavaScript, for the tests. */

#define NAPI_VERSION 8
#include <node_api.h>
#include <pthread.h>
#include <stdlib.h>

#include "haft/haft.h"
#include "haft/view.h"
#include "haft_node.h"

static haft_pin pin;
static haft_handle given[100000];
static size_t given_count;
static int destroyed;

static void OnDestroy(void *object) {
  free(object);
  __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}
static const haft_type kThing = {"thing", "haft.test.thing/1", OnDestroy, 4, 4};

static napi_value Number(napi_env env, double number) {
  napi_value value = NULL;
  napi_create_double(env, number, &value);
  return value;
}

static haft_handle First(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t count = 1;
  haft_handle handle = 0;
  napi_get_cb_info(env, info, &count, &value, NULL, NULL);
  haft_node_get_handle(env, value, &handle);
  return handle;
}

static napi_value Pin(napi_env env, napi_callback_info info) {
  void *object;
  return Number(env, haft_pin_object(First(env, info), NULL, &pin, &object));
}
static napi_value Unpin(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  haft_unpin(&pin);
  return NULL;
}
static napi_value Check(napi_env env, napi_callback_info info) {
  return Number(env, haft_check(First(env, info)));
}
static napi_value Delete(napi_env env, napi_callback_info info) {
  return Number(env, haft_delete(First(env, info), NULL));
}
/* Whether C finds a null object, as it must for JavaScript's. */
static napi_value IsNull(napi_env env, napi_callback_info info) {
  void *object = &pin;
  const haft_status status = haft_value(First(env, info), NULL, &object);
  return Number(env, status == HAFT_OK && object == NULL);
}
static napi_value NewThing(napi_env env, napi_callback_info info) {
  (void)info;
  haft_handle handle = 0;
  napi_value value = NULL;
  haft_new(calloc(1, 4), &kThing, &handle);
  haft_node_create_handle(env, handle, &value);
  return value;
}
static napi_value Destroyed(napi_env env, napi_callback_info info) {
  (void)info;
  return Number(env, __atomic_load_n(&destroyed, __ATOMIC_SEQ_CST));
}
/* The bits of a handle as C has them, as a bigint. */
static napi_value Bits(napi_env env, napi_callback_info info) {
  napi_value value = NULL;
  napi_create_bigint_uint64(env, First(env, info), &value);
  return value;
}
/* The JavaScript value of the bits of a bigint. */
static napi_value FromBits(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t count = 1;
  uint64_t word = 0;
  bool is_lossless;
  napi_get_cb_info(env, info, &count, &value, NULL, NULL);
  napi_get_value_bigint_uint64(env, value, &word, &is_lossless);
  haft_node_create_handle(env, word, &value);
  return value;
}

static void *DeleteGiven(void *result) {
  for (size_t i = 0; i < given_count; ++i)
    *(size_t *)result += haft_delete(given[i], NULL) == HAFT_OK;
  return NULL;
}
/* deleteOnThread(array): returns how many handles a thread of C has deleted. */
static napi_value DeleteOnThread(napi_env env, napi_callback_info info) {
  napi_value list;
  size_t count = 1;
  uint32_t length = 0;
  size_t deleted = 0;
  pthread_t thread;
  napi_get_cb_info(env, info, &count, &list, NULL, NULL);
  napi_get_array_length(env, list, &length);
  given_count = 0;
  for (uint32_t i = 0; i < length && i < 100000; ++i) {
    napi_value value;
    napi_get_element(env, list, i, &value);
    haft_node_get_handle(env, value, &given[given_count++]);
  }
  pthread_create(&thread, NULL, DeleteGiven, &deleted);
  pthread_join(thread, NULL);
  return Number(env, (double)deleted);
}
/* lendAll(): takes all loans of the table, and returns how many these were.
 * returnAll() gives them back. */
static haft_loan *loans[1000];
static size_t loan_count;
static napi_value LendAll(napi_env env, napi_callback_info info) {
  (void)info;
  while (loan_count < 1000 &&
         haft_lend(NULL, &kThing, 0, &loans[loan_count]) == HAFT_OK)
    ++loan_count;
  return Number(env, (double)loan_count);
}
static napi_value ReturnAll(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  while (loan_count > 0) haft_return(loans[--loan_count]);
  return NULL;
}

static uint32_t refusals;
static void OnRefusal(void *context, haft_table *table, haft_handle handle,
                      haft_status status, const char *description) {
  (void)context, (void)table, (void)handle, (void)status, (void)description;
  ++refusals;
}
/* watch(): lets diagnostics watch from now on. refusals(): how many. */
static napi_value Watch(napi_env env, napi_callback_info info) {
  (void)info;
  return Number(env, haft_set_refusal_callback(OnRefusal, NULL, 0));
}
static napi_value Refusals(napi_env env, napi_callback_info info) {
  (void)info;
  return Number(env, refusals);
}

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback function;
  } natives[] = {{"pin", Pin},
                 {"unpin", Unpin},
                 {"check", Check},
                 {"remove", Delete},
                 {"isNull", IsNull},
                 {"newThing", NewThing},
                 {"bits", Bits},
                 {"fromBits", FromBits},
                 {"watch", Watch},
                 {"refusals", Refusals},
                 {"lendAll", LendAll},
                 {"returnAll", ReturnAll},
                 {"destroyed", Destroyed},
                 {"deleteOnThread", DeleteOnThread}};
  for (size_t i = 0; i < sizeof(natives) / sizeof(natives[0]); ++i) {
    napi_value function;
    napi_create_function(env, natives[i].name, NAPI_AUTO_LENGTH,
                         natives[i].function, NULL, &function);
    napi_set_named_property(env, exports, natives[i].name, function);
  }
  return exports;
}
