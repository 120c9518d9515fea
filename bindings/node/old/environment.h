// JavaScript values that C keeps, on behalf of one thread of JavaScript.

#ifndef EXAMPLES_NODE_ENVIRONMENT_H_
#define EXAMPLES_NODE_ENVIRONMENT_H_

#include <node/node_api.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "haft/haft.h"

// A status in addition to those of haft.h: the value belongs to another
// thread's JavaScript.
constexpr int kOtherEnvironment = -1;

// The object of a handle. Only the thread of its environment may touch the
// reference.
struct Value;

// The main thread and each worker have one environment. Any thread may delete
// handles and call listeners; work that touches JavaScript is left to the
// thread of the environment. When that thread ends, the handles of the
// environment become stale, and the environment stays in memory until none of
// its values is pinned.
class Environment {
 public:
  // Returns null if an exception is pending.
  static Environment* Create(napi_env env);

  Environment(const Environment&) = delete;

  // Marks that this thread is inside its JavaScript. Natives that may destroy a
  // value or call back have one meanwhile.
  class Entered {
   public:
    explicit Entered(Environment* environment);
    ~Entered();
    Entered(const Entered&) = delete;

   private:
    Environment* const outer_;
  };

  // Called in the environment's thread.

  haft_status New(napi_value value, haft_handle* handle);
  // Returns a haft_status, or kOtherEnvironment, without touching the value.
  int Get(haft_handle handle, napi_value* value) const;
  static haft_status Delete(haft_handle handle);

  // Called in any thread.

  // A callback for libraries whose user data is the handle of a function. It
  // calls the function here if this thread is inside the function's JavaScript,
  // where an exception is then pending; otherwise later, on the function's
  // thread.
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
  // One for each value, and one until Node has released wake_.
  std::atomic<int64_t> references_{1};

  std::mutex mutex_;        // not held during a callback
  bool ended_ = false;      // set by End, permanently
  Value* first_ = nullptr;  // all values, until End
  // The values that another thread has destroyed. If there are any, the
  // environment has been woken.
  std::atomic<Value*> destroyed_{nullptr};
  // May be used under mutex_ until ended_, and never again, because Node frees
  // it even while it is used.
  napi_threadsafe_function wake_ = nullptr;
};

#endif  // EXAMPLES_NODE_ENVIRONMENT_H_
