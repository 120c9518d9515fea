// Coroutines: a stack and registers, as a thread has them, that run when they
// are switched to. A switch is cheaper than waking a thread and sleeping.

#ifndef TESTS_INTERLEAVING_SCHEDULE_COROUTINE_H_
#define TESTS_INTERLEAVING_SCHEDULE_COROUTINE_H_

#include <cxxabi.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdlib>

#include "haft/internal/base/sanitizer.h"

namespace haft::schedule {

class Coroutine {
 public:
  // The code that runs already. It can be switched to after it has switched to
  // another coroutine.
  Coroutine() = default;
  // When first switched to, calls serve(argument), which never returns.
  Coroutine(void (*serve)(void*), void* argument) noexcept
      : serve_(serve), argument_(argument), size_(kStackSize) {
    void* const stack =
        mmap(nullptr, kGuardSize + kStackSize, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, kGuardSize, PROT_NONE) != 0 ||
        getcontext(&context_) != 0) {
      std::abort();
    }
    context_.uc_stack.ss_sp = static_cast<char*>(stack) + kGuardSize;
    context_.uc_stack.ss_size = kStackSize;
    stack_ = context_.uc_stack.ss_sp;
    makecontext(&context_, &Begin, 0);
    // swapcontext does not need it, and AddressSanitizer's version would clear
    // its knowledge of the stack each time.
    context_.uc_stack.ss_size = 0;
  }
  Coroutine(const Coroutine&) = delete;
  Coroutine& operator=(const Coroutine&) = delete;

  // `this` must be running. Returns when another coroutine switches back.
  void SwitchTo(Coroutine* next) noexcept {
    from_ = this;
    to_ = next;
    const Exceptions kept = exceptions();
    exceptions() = {};
#ifdef HAFT_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&fake_stack_, next->stack_, next->size_);
#endif
    if (swapcontext(&context_, &next->context_) != 0) std::abort();
    Arrive(fake_stack_);
    exceptions() = kept;
  }

 private:
  static constexpr std::size_t kGuardSize = std::size_t{1} << 16;
  static constexpr std::size_t kStackSize = std::size_t{1} << 19;

  // The state of exceptions being thrown and caught. The C++ ABI keeps one for
  // each real thread.
  struct Exceptions {
    void* caught;
    unsigned uncaught;
  };
  static Exceptions& exceptions() noexcept {
    return *reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
  }

  static void Begin() {
    Arrive(nullptr);
    to_->serve_(to_->argument_);
    std::abort();
  }
  static void Arrive([[maybe_unused]] void* fake_stack) noexcept {
#ifdef HAFT_ADDRESS_SANITIZER
    // Only now is the location of the first stack known.
    __sanitizer_finish_switch_fiber(fake_stack, &from_->stack_, &from_->size_);
#endif
  }

  // Of the last switch.
  inline static Coroutine* from_ = nullptr;
  inline static Coroutine* to_ = nullptr;

  ucontext_t context_ = {};
  void (*serve_)(void*) = nullptr;
  void* argument_ = nullptr;
  const void* stack_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;
};

}  // namespace haft::schedule

#endif  // TESTS_INTERLEAVING_SCHEDULE_COROUTINE_H_
