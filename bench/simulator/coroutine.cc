#include "bench/simulator/coroutine.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

// Pushes the registers that a function must preserve, stores the stack pointer
// to *from, takes `to` as the stack pointer and pops the registers from there.
// The control words of floating-point arithmetic are left as they are, since
// nothing here changes them.
extern "C" void haft_simulator_switch(void** from, void* to) noexcept;

#if defined(__x86_64__)
asm(R"(
  .text
  .globl haft_simulator_switch
  .hidden haft_simulator_switch
  .type haft_simulator_switch, @function
haft_simulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size haft_simulator_switch, .-haft_simulator_switch
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl haft_simulator_switch
  .hidden haft_simulator_switch
  .type haft_simulator_switch, %function
haft_simulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size haft_simulator_switch, .-haft_simulator_switch
)");
#else
#error "the switch of coroutines is written for x86-64 and AArch64"
#endif

namespace haft::simulator {
namespace {

constexpr std::size_t kGuardSize = std::size_t{1} << 16;
constexpr std::size_t kStackSize = std::size_t{1} << 18;

// The words that a switch pops, the address to return to among them.
#if defined(__x86_64__)
constexpr std::size_t kFrame = 8;
constexpr std::size_t kReturnAddress = 6;
#else
constexpr std::size_t kFrame = 20;
constexpr std::size_t kReturnAddress = 11;
#endif

}  // namespace

Coroutine::Coroutine(void (*serve)(void*), void* argument)
    : serve_(serve), argument_(argument), size_(kStackSize) {
  void* const stack =
      mmap(nullptr, kGuardSize + kStackSize, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED || mprotect(stack, kGuardSize, PROT_NONE) != 0)
    std::abort();
  stack_ = static_cast<char*>(stack) + kGuardSize;
  // A function begins with a stack pointer that is a multiple of 16, less the
  // word of the return address on x86-64. The frame is an even number of words.
  auto* const end = reinterpret_cast<std::uintptr_t*>(
      static_cast<char*>(stack) + kGuardSize + kStackSize);
  std::uintptr_t* const frame = end - kFrame;
  frame[kReturnAddress] = reinterpret_cast<std::uintptr_t>(&Begin);
  stack_pointer_ = frame;
}

Coroutine::~Coroutine() {
  if (stack_ != nullptr) {
    munmap(static_cast<char*>(const_cast<void*>(stack_)) - kGuardSize,
           kGuardSize + kStackSize);
  }
}

void Coroutine::SwitchTo(Coroutine* next) noexcept {
  from_ = this;
  to_ = next;
#ifdef HAFT_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&fake_stack_, next->stack_, next->size_);
#endif
  haft_simulator_switch(&stack_pointer_, next->stack_pointer_);
  Arrive(fake_stack_);
}

void Coroutine::Begin() noexcept {
  Arrive(nullptr);
  to_->serve_(to_->argument_);
  std::abort();
}

void Coroutine::Arrive([[maybe_unused]] void* fake_stack) noexcept {
#ifdef HAFT_ADDRESS_SANITIZER
  // Only now is the location of the first stack known.
  __sanitizer_finish_switch_fiber(fake_stack, &from_->stack_, &from_->size_);
#endif
}

}  // namespace haft::simulator
