// The ways that addons have today: pointers in BigInts, in Externals and
// wrapped, and a listener of which a library has the pointer. They have the
// bugs that haft does not have, and bench.js measures haft beside them.

#include <node_api.h>

#include <cstdint>

#include "natives.h"

namespace {

struct Counter {
  int64_t sum;
};

template <class T>
T* ToPointer(napi_env env, napi_value word) {
  uint64_t address = 0;
  bool lossless;
  napi_get_value_bigint_uint64(env, word, &address, &lossless);
  return reinterpret_cast<T*>(address);
}

napi_value FromPointer(napi_env env, void* pointer) {
  napi_value word = nullptr;
  napi_create_bigint_uint64(env, reinterpret_cast<uintptr_t>(pointer), &word);
  return word;
}

int64_t ToNumber(napi_env env, napi_value value) {
  int64_t number = 0;
  napi_get_value_int64(env, value, &number);
  return number;
}

void DeleteCounter(napi_env, void* counter, void*) {
  delete static_cast<Counter*>(counter);
}

// --- A pointer in a BigInt --------------------------------------------------

napi_value PointerNew(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  return FromPointer(env, new Counter{ToNumber(env, given.values[0])});
}
napi_value PointerAdd(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  auto* const counter = ToPointer<Counter>(env, given.values[0]);
  return FromNumber(env, counter->sum += ToNumber(env, given.values[1]));
}
napi_value PointerDelete(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  delete ToPointer<Counter>(env, given.values[0]);
  return nullptr;
}

// --- An External ------------------------------------------------------------

napi_value ExternalNew(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  napi_value external = nullptr;
  napi_create_external(env, new Counter{ToNumber(env, given.values[0])},
                       &DeleteCounter, nullptr, &external);
  return external;
}
napi_value ExternalAdd(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  void* counter = nullptr;
  napi_get_value_external(env, given.values[0], &counter);
  return FromNumber(env, static_cast<Counter*>(counter)->sum +=
                         ToNumber(env, given.values[1]));
}

// --- A wrapped object -------------------------------------------------------

napi_value WrapNew(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  napi_wrap(env, given.values[0], new Counter{ToNumber(env, given.values[1])},
            &DeleteCounter, nullptr, nullptr);
  return nullptr;
}
napi_value WrapAdd(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  void* counter = nullptr;
  napi_unwrap(env, given.values[0], &counter);
  return FromNumber(env, static_cast<Counter*>(counter)->sum +=
                         ToNumber(env, given.values[1]));
}
napi_value WrapDelete(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  void* counter = nullptr;
  napi_remove_wrap(env, given.values[0], &counter);
  delete static_cast<Counter*>(counter);
  return nullptr;
}

// --- A reference in a BigInt ------------------------------------------------

napi_value ReferenceNew(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  napi_ref reference = nullptr;
  napi_create_reference(env, given.values[0], 1, &reference);
  return FromPointer(env, reference);
}
napi_value ReferenceValue(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  napi_value value = nullptr;
  napi_get_reference_value(env, ToPointer<napi_ref__>(env, given.values[0]),
                           &value);
  return value;
}
napi_value ReferenceDelete(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  napi_delete_reference(env, ToPointer<napi_ref__>(env, given.values[0]));
  return nullptr;
}

// --- A listener -------------------------------------------------------------

struct Listener {
  napi_env env;
  napi_ref function;
};

// The C library keeps the pointer.
void* user_data;
int64_t listeners;

// subscribe(function): the function is wrapped, so that the Listener is
// destroyed with it.
napi_value Subscribe(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  auto* const listener = new Listener{env, nullptr};
  napi_wrap(
      env, given.values[0], listener,
      [](napi_env, void* going, void*) {
        delete static_cast<Listener*>(going);
        --listeners;
      },
      nullptr, &listener->function);
  ++listeners;
  user_data = listener;
  return nullptr;
}

// emit(sum)
napi_value Emit(napi_env env, napi_callback_info info) {
  Arguments<1> given(env, info);
  const auto* const listener = static_cast<Listener*>(user_data);
  napi_value function;
  napi_value receiver;
  napi_get_reference_value(listener->env, listener->function, &function);
  napi_get_undefined(env, &receiver);
  napi_call_function(env, receiver, function, 1, given.values, nullptr);
  return nullptr;
}

napi_value CountListeners(napi_env env, napi_callback_info) {
  return FromNumber(env, listeners);
}

}  // namespace

NAPI_MODULE_INIT() {
  return Export(env, exports,
                {{"pointerNew", &PointerNew},
                 {"pointerAdd", &PointerAdd},
                 {"pointerDelete", &PointerDelete},
                 {"externalNew", &ExternalNew},
                 {"externalAdd", &ExternalAdd},
                 {"wrapNew", &WrapNew},
                 {"wrapAdd", &WrapAdd},
                 {"wrapDelete", &WrapDelete},
                 {"referenceNew", &ReferenceNew},
                 {"referenceValue", &ReferenceValue},
                 {"referenceDelete", &ReferenceDelete},
                 {"subscribe", &Subscribe},
                 {"emit", &Emit},
                 {"countListeners", &CountListeners}});
}
