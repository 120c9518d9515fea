// C code that has something pinned, for the tests.

#include <node/node_api.h>

#include "haft/haft.h"

namespace {

haft_pin pin;

// pin(word): its status
napi_value Pin(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value word = nullptr;
  uint64_t handle = 0;
  bool lossless;
  void* object;
  napi_value status = nullptr;
  napi_get_cb_info(env, info, &count, &word, nullptr, nullptr);
  napi_get_value_bigint_uint64(env, word, &handle, &lossless);
  napi_create_int32(env, haft_pin_object(handle, nullptr, &pin, &object),
                    &status);
  return status;
}

napi_value Unpin(napi_env, napi_callback_info) {
  haft_unpin(&pin);
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const napi_property_descriptor natives[] = {
      {"pin", nullptr, &Pin, nullptr, nullptr, nullptr, napi_default_method,
       nullptr},
      {"unpin", nullptr, &Unpin, nullptr, nullptr, nullptr, napi_default_method,
       nullptr},
  };
  napi_define_properties(env, exports, 2, natives);
  return exports;
}
