// C code that keeps an object pinned, for the tests.

#include <node/node_api.h>

#include "haft/haft.h"
#include "natives.h"

namespace {

haft_pin pin;

// pin(word): returns the status
napi_value Pin(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  uint64_t handle = 0;
  bool lossless;
  void* object;
  napi_get_value_bigint_uint64(env, given.values[0], &handle, &lossless);
  return FromNumber(env, haft_pin_object(handle, nullptr, &pin, &object));
}

napi_value Unpin(napi_env, napi_callback_info) {
  haft_unpin(&pin);
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  return Export(env, exports, {{"pin", &Pin}, {"unpin", &Unpin}});
}
