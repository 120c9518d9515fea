// JavaScript values that C keeps, on behalf of one thread of JavaScript.

#ifndef EXAMPLES_NODE_ENVIRONMENT_H_
#define EXAMPLES_NODE_ENVIRONMENT_H_

#include <node/node_api.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "haft/haft.h"

// Beside the statuses of haft.h: the value is of another thread's JavaScript.
constexpr int kOtherEnvironment = -1;

// What a handle's object is. No other thread than its environment's may touch
// the reference.
struct Value;

// The main thread and each worker have one. Any thread may delete handles and
// call listeners; what touches JavaScript is left to the environment's own,
// until that ends: then the environment's handles are stale, and it stays in
// memory for as long as somebody has one of its values pinned.
class Environment {
 public:
  // Null: an exception is pending.
  static Environment* Create(napi_env env);

  Environment(const Environment&) = delete;

  // What is in this thread's JavaScript: natives that may destroy or call back
  // have one while they do.
  class Entered {
   public:
    explicit Entered(Environment* environment);
    ~Entered();
    Entered(const Entered&) = delete;

   private:
    Environment* const outer_;
  };

  // In the environment's thread.

  haft_status New(napi_value value, haft_handle* handle);
  // haft_status, or kOtherEnvironment: the value has then not been touched.
  int Get(haft_handle handle, napi_value* value) const;
  static haft_status Delete(haft_handle handle);

  // In any thread.

  // The callback of libraries whose user data is the handle of a function:
  // calls it here if this is inside of its JavaScript, where what it throws is
  // then pending; else later, there.
  static haft_status Call(void* user_data, int64_t argument);
  static int64_t count() { return count_; }  // environments in memory

 private:
  explicit Environment(napi_env env) : env_(env) { ++count_; }
  ~Environment() { --count_; }

  static void OnDestroy(void* value);
  static void OnWake(napi_env env, napi_value, void* self, void* later);
  static void OnEnd(void* self);

  void Destroy(Value* value);
  haft_status Read(const Value& value, napi_value* read) const;
  haft_status CallHere(const Value& function, int64_t argument) const;
  haft_status CallLater(haft_handle function, int64_t argument);
  void Reap();
  void End();
  void Release();

  void Link(Value* value);
  void Unlink(Value* value);

  static const haft_type kType;
  static std::atomic<int64_t> count_;

  const napi_env env_;
  // One for each value, and one until Node has let go of wake_.
  std::atomic<int64_t> references_{1};

  std::mutex mutex_;        // not held while anything is called back
  bool ended_ = false;      // by End, for ever
  Value* first_ = nullptr;  // all values, until End
  // Those that another thread has destroyed; what is not empty has been woken.
  std::atomic<Value*> destroyed_{nullptr};
  // To be touched under mutex_ until ended_, and never again: Node frees it
  // whoever uses it.
  napi_threadsafe_function wake_ = nullptr;
};

#endif  // EXAMPLES_NODE_ENVIRONMENT_H_
