// The objects that object tables hold under the scheduler.

#ifndef TESTS_INTERLEAVING_SCHEDULE_PROBE_H_
#define TESTS_INTERLEAVING_SCHEDULE_PROBE_H_

#include <gtest/gtest.h>

#include "tests/interleaving/schedule/scheduler.h"

namespace haft::schedule {

// A counted object. It detects use after destruction, double destruction and
// the move of an object in use.
class Probe {
 public:
  explicit Probe(int* alive) : alive_(alive) { ++*alive_; }
  Probe(Probe&& other) noexcept : Probe(other.alive_) { other.moved_ = true; }
  ~Probe() {
    Touch(true);
    canary_ = kDead;
    --*alive_;
  }

  // This is a step, so that other threads can run between the uses of an
  // object.
  void Touch(bool may_be_moved = false) const {
    BeforeAccess(Access::kPlain);
    EXPECT_EQ(canary_, kAlive) << "used after destruction";
    EXPECT_TRUE(may_be_moved || !moved_) << "taken while in use";
  }

 private:
  static constexpr unsigned kAlive = 0x600dcafe, kDead = 0xdeadbeef;

  volatile unsigned canary_ = kAlive;
  volatile bool moved_ = false;
  int* const alive_;
};

}  // namespace haft::schedule

#endif  // TESTS_INTERLEAVING_SCHEDULE_PROBE_H_
