#include "environment.h"

#include <memory>
#include <new>

struct Value {
  Environment* const environment;
  napi_ref reference = nullptr;  // null if deleted when the environment ended
  bool boxed = false;            // refers to an array that contains the value
  haft_handle handle = 0;
  Value* previous = nullptr;
  Value* next = nullptr;
  Value* next_destroyed = nullptr;
};

namespace {

// The environment whose JavaScript is below this on the stack.
thread_local Environment* entered = nullptr;

struct LaterCall {
  haft_handle function;
  int64_t argument;
};

// An exception that it throws stays pending.
haft_status CallFunction(napi_env env, napi_value function, int64_t argument) {
  napi_value receiver;
  napi_value number;
  if (napi_get_undefined(env, &receiver) != napi_ok ||
      napi_create_int64(env, argument, &number) != napi_ok ||
      napi_call_function(env, receiver, function, 1, &number, nullptr) !=
          napi_ok) {
    return HAFT_INVALID;
  }
  return HAFT_OK;
}

}  // namespace

std::atomic<int64_t> Environment::count_{0};

// It has no identity, because the objects of another library need not be
// Values.
const haft_type Environment::kType = {"JavaScript value", nullptr, &OnDestroy,
                                      0, 0};

Environment::Entered::Entered(Environment* environment) : outer_(entered) {
  entered = environment;
}
Environment::Entered::~Entered() { entered = outer_; }

Environment* Environment::Create(napi_env env) {
  auto* const made = new (std::nothrow) Environment(env);
  napi_value name;
  if (made == nullptr ||
      napi_create_string_utf8(env, "haft", NAPI_AUTO_LENGTH, &name) !=
          napi_ok ||
      napi_create_threadsafe_function(
          env, nullptr, nullptr, name, /*max_queue_size=*/0,
          /*initial_thread_count=*/1, made,
          [](napi_env, void* self, void*) {
            static_cast<Environment*>(self)->Release();
          },
          made, &OnWake, &made->wake_) != napi_ok) {
    delete made;
    napi_throw_error(env, nullptr, "haft: no memory");
    return nullptr;
  }
  // Hooks run in reverse order, so this one runs before that of wake_, which
  // frees it. Calls that are still to come do not keep the process from ending.
  if (napi_add_env_cleanup_hook(env, &OnEnd, made) != napi_ok ||
      napi_unref_threadsafe_function(env, made->wake_) != napi_ok) {
    napi_throw_error(env, nullptr, "haft: the environment is ending");
    return nullptr;
  }
  return made;
}

haft_status Environment::New(napi_value value, haft_handle* handle) {
  // A thread that does not return to its event loop is not woken.
  if (destroyed_.load(std::memory_order_relaxed) != nullptr) Reap();
  std::unique_ptr<Value> made(new (std::nothrow) Value{this});
  if (made == nullptr) return HAFT_OUT_OF_MEMORY;
  if (napi_create_reference(env_, value, 1, &made->reference) != napi_ok) {
    // Numbers and strings have no references.
    made->boxed = true;
    napi_value box;
    if (napi_create_array_with_length(env_, 1, &box) != napi_ok ||
        napi_set_element(env_, box, 0, value) != napi_ok ||
        napi_create_reference(env_, box, 1, &made->reference) != napi_ok) {
      return HAFT_OUT_OF_MEMORY;
    }
  }
  haft_status status = HAFT_INVALID;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!ended_) {
      Link(made.get());
      status = HAFT_OK;
    }
  }
  if (status == HAFT_OK) {
    ++references_;
    status = haft_new(made.get(), &kType, &made->handle);
    if (status == HAFT_OK) {
      *handle = made.release()->handle;
      return HAFT_OK;
    }
    --references_;
    const std::lock_guard<std::mutex> lock(mutex_);
    Unlink(made.get());
  }
  napi_delete_reference(env_, made->reference);
  return status;
}

haft_status Environment::Read(const Value& value, napi_value* read) const {
  return napi_get_reference_value(env_, value.reference, read) == napi_ok &&
                 (!value.boxed ||
                  napi_get_element(env_, *read, 0, read) == napi_ok)
             ? HAFT_OK
             : HAFT_INVALID;
}

int Environment::Get(haft_handle handle, napi_value* value) const {
  haft_pin pin;
  void* object = nullptr;
  int status = haft_pin_object(handle, &kType, &pin, &object);
  if (status != HAFT_OK) return status;
  const auto& found = *static_cast<const Value*>(object);
  status = found.environment == this ? static_cast<int>(Read(found, value))
                                     : kOtherEnvironment;
  haft_unpin(&pin);
  return status;
}

haft_status Environment::Delete(haft_handle handle) {
  return haft_delete(handle, &kType);
}

haft_status Environment::Call(void* user_data, int64_t argument) {
  const haft_handle function = haft_from_pointer(user_data);
  haft_pin pin;
  void* object = nullptr;
  haft_status status = haft_pin_object(function, &kType, &pin, &object);
  if (status != HAFT_OK) return status;
  const auto& found = *static_cast<const Value*>(object);
  Environment* const environment = found.environment;
  if (environment == entered) {
    status = environment->CallHere(found, argument);
  } else {
    status = environment->CallLater(function, argument);
  }
  haft_unpin(&pin);
  return status;
}

haft_status Environment::CallHere(const Value& function,
                                  int64_t argument) const {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return HAFT_INVALID;
  napi_value found;
  haft_status status = Read(function, &found);
  if (status == HAFT_OK) status = CallFunction(env_, found, argument);
  napi_close_handle_scope(env_, scope);
  return status;
}

haft_status Environment::CallLater(haft_handle function, int64_t argument) {
  std::unique_ptr<LaterCall> call(new (std::nothrow)
                                      LaterCall{function, argument});
  if (call == nullptr) return HAFT_OUT_OF_MEMORY;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) return HAFT_STALE;
  if (napi_call_threadsafe_function(wake_, call.get(), napi_tsfn_nonblocking) !=
      napi_ok) {
    return HAFT_OUT_OF_MEMORY;
  }
  (void)call.release();
  return HAFT_OK;
}

void Environment::OnWake(napi_env env, napi_value, void* self, void* later) {
  const std::unique_ptr<LaterCall> call(static_cast<LaterCall*>(later));
  if (env == nullptr) return;  // the environment has ended
  auto* const environment = static_cast<Environment*>(self);
  const Entered inside(environment);
  environment->Reap();
  napi_value function;
  // If it was deleted meanwhile, it is not called any more.
  if (call == nullptr ||
      environment->Get(call->function, &function) != HAFT_OK ||
      CallFunction(env, function, call->argument) == HAFT_OK) {
    return;
  }
  // No caller could catch the exception, so it is uncaught, as that of a timer
  // would be.
  bool thrown = false;
  napi_value exception;
  if (napi_is_exception_pending(env, &thrown) == napi_ok && thrown &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

void Environment::OnDestroy(void* object) {
  auto* const value = static_cast<Value*>(object);
  value->environment->Destroy(value);
}

void Environment::Destroy(Value* value) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (entered != this && !ended_) {
      // Only its own thread may delete the reference. If there is no memory for
      // waking that thread, the next New deletes it.
      value->next_destroyed = destroyed_.load(std::memory_order_relaxed);
      destroyed_.store(value, std::memory_order_relaxed);
      if (value->next_destroyed == nullptr)
        napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
      return;
    }
    Unlink(value);
  }
  if (value->reference != nullptr)
    napi_delete_reference(env_, value->reference);
  delete value;
  Release();
}

// Deletes the references of values that other threads have destroyed.
void Environment::Reap() {
  const std::lock_guard<std::mutex> lock(mutex_);
  Value* value = destroyed_.load(std::memory_order_relaxed);
  destroyed_.store(nullptr, std::memory_order_relaxed);
  while (value != nullptr) {
    const std::unique_ptr<Value> reaped(value);
    value = value->next_destroyed;
    Unlink(reaped.get());
    if (reaped->reference != nullptr)
      napi_delete_reference(env_, reaped->reference);
    --references_;  // not the last, which is Node's
  }
}

void Environment::OnEnd(void* self) { static_cast<Environment*>(self)->End(); }

void Environment::End() {
  {
    // The other threads wait meanwhile, so no reference outlives its
    // environment.
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    for (Value* value = first_; value != nullptr; value = value->next) {
      napi_delete_reference(env_, value->reference);
      value->reference = nullptr;
    }
  }
  Reap();
  // They are deleted one by one, because other threads may destroy some
  // meanwhile, and will destroy those that they have pinned.
  for (;;) {
    haft_handle handle;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (first_ == nullptr) break;
      handle = first_->handle;
      Unlink(first_);
    }
    Delete(handle);
  }
  napi_release_threadsafe_function(wake_, napi_tsfn_abort);
}

void Environment::Release() {
  if (--references_ == 0) delete this;
}

void Environment::Link(Value* value) {
  value->next = first_;
  if (first_ != nullptr) first_->previous = value;
  first_ = value;
}

void Environment::Unlink(Value* value) {
  if (first_ == value) first_ = value->next;
  if (value->previous != nullptr) value->previous->next = value->next;
  if (value->next != nullptr) value->next->previous = value->previous;
  value->previous = value->next = nullptr;
}
