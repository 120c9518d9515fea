// The arguments of natives and their export.

#ifndef BINDINGS_NODE_BENCH_NATIVES_H_
#define BINDINGS_NODE_BENCH_NATIVES_H_

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <vector>

// The arguments of a call of a native.
template <std::size_t kCount>
struct Arguments {
  napi_value self = nullptr;
  napi_value values[kCount] = {};  // undefined if there are fewer
  void* data = nullptr;            // the data with which it was exported

  Arguments(napi_env env, napi_callback_info info) {
    std::size_t count = kCount;
    napi_get_cb_info(env, info, &count, values, &self, &data);
  }
};

inline napi_value FromNumber(napi_env env, int64_t number) {
  napi_value value = nullptr;
  napi_create_int64(env, number, &value);
  return value;
}

struct Native {
  const char* name;
  napi_callback function;
};

inline napi_value Export(napi_env env, napi_value exports,
                         const std::vector<Native>& natives,
                         void* data = nullptr) {
  for (const Native& native : natives) {
    const napi_property_descriptor property = {
        native.name, nullptr, native.function,     nullptr,
        nullptr,     nullptr, napi_default_method, data};
    napi_define_properties(env, exports, 1, &property);
  }
  return exports;
}

#endif  // BINDINGS_NODE_BENCH_NATIVES_H_
