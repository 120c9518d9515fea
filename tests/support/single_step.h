// Single-stepping: interrupts a call by a signal handler at each of its
// instructions.

#ifndef TESTS_SUPPORT_SINGLE_STEP_H_
#define TESTS_SUPPORT_SINGLE_STEP_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <ucontext.h>

#include <cstddef>
#include <memory>

#include "tests/support/testing.h"

namespace haft::testing {

// A gap, in instructions, that is never reached.
inline constexpr unsigned kOnce = 1u << 30;

#if defined(__x86_64__)
inline constexpr bool kCanSingleStep = !kSanitized;

// The set of instructions that have been interrupted already.
class Coverage {
 public:
  // Notes `instruction` and returns how often it has been noted.
  unsigned Note(greg_t instruction) {
    std::size_t i = static_cast<std::size_t>(instruction) % kSize;
    while (cells_[i].times != 0 && cells_[i].instruction != instruction)
      i = (i + 1) % kSize;
    cells_[i].instruction = instruction;
    return ++cells_[i].times;
  }

 private:
  static constexpr std::size_t kSize = 1 << 14;
  struct {
    greg_t instruction;
    unsigned times;
  } cells_[kSize] = {};
};

struct Stepping {
  unsigned gap;          // between two interruptions
  unsigned since_last;   // instructions
  unsigned steps;        // instructions in all; after kOnce, until then
  unsigned interrupted;  // so many of them
  Coverage* coverage;
  void (*hook)(void*);
  void* argument;
};
inline Stepping stepping;

// Unoptimised code has ten times as many instructions. Only then do the
// instructions at some addresses stand for all.
#ifdef __OPTIMIZE__
inline constexpr greg_t kEvery = 1;
#else
inline constexpr greg_t kEvery = 11;
#endif

inline constexpr greg_t kTrapFlag = 0x100;

inline void OnTrap(int, siginfo_t*, void* context) {
  ++stepping.steps;
  if (stepping.since_last++ < stepping.gap) return;
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const greg_t instruction = registers[REG_RIP];
  if (instruction % kEvery != 0) return;
  if (stepping.coverage->Note(instruction) > 1) return;
  ++stepping.interrupted;
  stepping.since_last = 0;
  stepping.hook(stepping.argument);
  if (stepping.gap == kOnce) registers[REG_EFL] &= ~kTrapFlag;
}

// Below the red zone, so that no compiler option is needed.
[[gnu::always_inline]] inline void SetTrapFlag() {
  asm volatile(
      "lea -128(%%rsp), %%rsp\n pushfq\n orq %0, (%%rsp)\n popfq\n"
      "lea 128(%%rsp), %%rsp" ::"i"(kTrapFlag)
      : "memory", "cc");
}
[[gnu::always_inline]] inline void ClearTrapFlag() {
  asm volatile(
      "lea -128(%%rsp), %%rsp\n pushfq\n andq %0, (%%rsp)\n popfq\n"
      "lea 128(%%rsp), %%rsp" ::"i"(~kTrapFlag)
      : "memory", "cc");
}
// Calls op, and calls `interrupt` in a signal handler before each instruction
// that `coverage` does not contain, but not earlier than `gap` instructions
// after the last interruption.
template <typename Op, typename Interrupt>
void Step(Coverage* coverage, unsigned gap, Op op, Interrupt interrupt) {
  stepping = {
      gap,       gap,  // the first need not wait
      0,         0,
      coverage,  [](void* argument) { (*static_cast<Interrupt*>(argument))(); },
      &interrupt};
  SetTrapFlag();
  op();
  ClearTrapFlag();
}
#else
inline constexpr bool kCanSingleStep = false;
class Coverage {};
inline struct { unsigned steps, interrupted; } stepping;
template <typename Op, typename Interrupt>
void Step(Coverage*, unsigned, Op, Interrupt) {}
#endif

class SingleStepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kCanSingleStep) {
      GTEST_SKIP() << "x86-64 without sanitizers only: their run-time "
                      "libraries do not expect a signal at each instruction";
    }
#if defined(__x86_64__)
    struct sigaction action = {};
    action.sa_sigaction = &OnTrap;
    action.sa_flags = SA_SIGINFO;
    ASSERT_EQ(sigaction(SIGTRAP, &action, &old_action_), 0);
#endif
  }
  void TearDown() override {
    if (kCanSingleStep) sigaction(SIGTRAP, &old_action_, nullptr);
  }

  // Calls run(coverage, gap) until all instructions have been interrupted. run
  // must Step a call on a fresh table. Each run interrupts some of the
  // instructions; if the call is short, each further run interrupts one.
  template <typename Run>
  static void InterruptAtAll(Run run) {
    InterruptAtAll(kGap, run);
    if (stepping.steps < kShort && !HasFailure()) InterruptOneByOne(run);
  }
  // The same with one interruption in each run.
  template <typename Run>
  static void InterruptOneByOne(Run run) {
    InterruptAtAll(kOnce, run);
  }

 private:
  // In instructions.
  static constexpr unsigned kShort = 160;
  static constexpr unsigned kGap = 16;

  template <typename Run>
  static void InterruptAtAll(unsigned gap, Run run) {
    const auto coverage = std::make_unique<Coverage>();
    unsigned interrupted = 0;
    do {
      run(coverage.get(), gap);
      ASSERT_FALSE(HasFailure()) << "after " << interrupted;
      interrupted += stepping.interrupted;
    } while (stepping.interrupted != 0);
    EXPECT_GT(interrupted, 5u);
  }

  struct sigaction old_action_ = {};
};

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_SINGLE_STEP_H_
