// Crash-stop tests: one thread is stopped forever at each step of an operation
// in turn, and the others must still finish.

#ifndef TESTS_INTERLEAVING_SCHEDULE_CRASH_STOP_H_
#define TESTS_INTERLEAVING_SCHEDULE_CRASH_STOP_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "tests/interleaving/schedule/explore.h"
#include "tests/interleaving/schedule/scheduler.h"

namespace haft::schedule {

// One call on a World, which is a table with the test's knowledge of it.
template <typename World>
struct Operation {
  using Function = void (*)(World&);
  static void Nothing(World&) {}

  const char* name;
  Function run;
  // Runs before the call, in the thread that will be stopped, and before all
  // other threads.
  Function prepare = &Nothing;
  Function setup = &Nothing;
  // Runs after the call, in the same thread.
  Function finish = &Nothing;
};

struct CrashStops {
  std::uint64_t schedules = 0;
  std::uint64_t steps = 0;      // of the operation, at which it was stopped
  std::uint64_t most_work = 0;  // steps of all threads in one schedule
  bool blocks = false;          // other threads did not finish
};

// A World has
// Work(t)            the work of the others, with checks of their own handles
//   Fill()             another thread, after them: reaches the capacity
// CheckWhileStopped, CheckAtRest All threads together may take `bound` steps.
template <typename World>
CrashStops StopAtEachStep(const Operation<World>& operation,
                          std::uint64_t bound) {
  constexpr unsigned kOthers = 2;
  constexpr struct {
    Policy policy;
    unsigned changes;
  } kSchedules[] = {
      // The others begin when the thread has stopped, or all run together.
      {Policy::kInOrder, 0},
      {Policy::kRoundRobin, 0},
      {Policy::kPct, 3},
      {Policy::kPct, 20}};
  CrashStops result;
  for (const auto& [policy, changes] : kSchedules) {
    for (std::uint64_t k = 1;; ++k) {
      World world;
      operation.setup(world);
      Plan plan;
      plan.policy = policy;
      plan.changes = changes;
      plan.seed = k;
      plan.stop_before = {k};
      plan.step_limit = bound;
      std::vector<std::function<void()>> bodies;
      bodies.push_back(Newborn([&] {
        operation.prepare(world);
        BeginOperation();
        operation.run(world);
        EndOperation();
        operation.finish(world);
      }));
      for (unsigned t = 1; t <= kOthers; ++t)
        bodies.push_back(Newborn([&world, t] { world.Work(t); }));
      Outcome outcome = Run(plan, std::move(bodies));
      ++result.schedules;
      result.most_work = std::max(result.most_work, outcome.steps);
      const bool stopped = outcome.stopped != 0;
      if (stopped) {
        world.CheckWhileStopped();
        Plan alone;
        alone.step_limit = bound;
        outcome = Run(alone, {Newborn([&] { world.Fill(); })});
      }
      if (outcome.stuck) {
        result.blocks = true;
        result.steps = k;
        return result;
      }
      if (stopped) (void)Resume();
      world.CheckAtRest();
      if (::testing::Test::HasFailure()) {
        ADD_FAILURE() << operation.name << " stopped before step " << k << ", "
                      << PolicyName(policy);
        return result;
      }
      if (!stopped) break;
      result.steps = std::max(result.steps, k);
    }
  }
  return result;
}

// Expects that a thread which stops at any step of any of the operations does
// not keep the others from finishing, and that more than `more_than` schedules
// were tried.
template <typename Operations>
void ExpectLockFree(const Operations& operations, std::uint64_t bound,
                    std::uint64_t more_than) {
  std::uint64_t schedules = 0;
  for (const auto& operation : operations) {
    const CrashStops stops = StopAtEachStep(operation, bound);
    EXPECT_FALSE(stops.blocks)
        << operation.name << ", stopped before step " << stops.steps;
    ASSERT_FALSE(::testing::Test::HasFailure());
    schedules += stops.schedules;
  }
  EXPECT_GT(schedules, more_than);
}

// Returns the most steps that the operation takes its thread while the others
// call Interfere(t) again and again.
template <typename World>
std::uint64_t MostSteps(const Operation<World>& operation,
                        std::uint64_t schedules) {
  std::uint64_t most = 0;
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    World world;
    operation.setup(world);
    Plan plan = PlanOf(seed, 200);
    if (seed % 4 == 0) plan.policy = Policy::kInterfere;
    bool done = false;
    std::vector<std::function<void()>> bodies;
    bodies.push_back(Newborn([&] {
      operation.prepare(world);
      BeginOperation();
      operation.run(world);
      most = std::max(most, EndOperation());
      done = true;
      operation.finish(world);
    }));
    for (unsigned t = 1; t <= 2; ++t) {
      bodies.push_back(Newborn([&, t] {
        const unsigned times = plan.policy == Policy::kInterfere ? 300 : 10;
        for (unsigned i = 0; i < times && !done; ++i) {
          world.Interfere(t);
          (void)EndOperation();
        }
      }));
    }
    EXPECT_FALSE(Run(plan, std::move(bodies)).stuck);
    world.CheckAtRest();
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << operation.name << ", seed " << seed;
      break;
    }
  }
  return most;
}

}  // namespace haft::schedule

#endif  // TESTS_INTERLEAVING_SCHEDULE_CRASH_STOP_H_
