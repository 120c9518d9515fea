// Coroutines: each has a stack and registers, as a thread has, and runs when it
// is switched to. A switch makes no system call.

#ifndef HAFT_BENCH_SIMULATOR_COROUTINE_H_
#define HAFT_BENCH_SIMULATOR_COROUTINE_H_

#include <cstddef>

#include "haft/internal/base/sanitizer.h"

namespace haft::simulator {

class Coroutine {
 public:
  // The code that runs already. It can be switched to after it has switched to
  // another coroutine.
  Coroutine() = default;
  // When first switched to, calls serve(argument), which never returns. Aborts
  // if there is no memory for the stack.
  Coroutine(void (*serve)(void*), void* argument);
  ~Coroutine();
  Coroutine(const Coroutine&) = delete;
  Coroutine& operator=(const Coroutine&) = delete;

  // `this` must be running. Returns when another coroutine switches back. No
  // exception may be under way.
  void SwitchTo(Coroutine* next) noexcept;

 private:
  static void Begin() noexcept;
  static void Arrive(void* fake_stack) noexcept;

  // Of the last switch.
  inline static Coroutine* from_ = nullptr;
  inline static Coroutine* to_ = nullptr;

  void* stack_pointer_ = nullptr;
  void (*serve_)(void*) = nullptr;
  void* argument_ = nullptr;
  const void* stack_ = nullptr;  // its lowest address
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_COROUTINE_H_
