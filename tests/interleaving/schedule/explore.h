// Runs a scenario under many schedules.

#ifndef TESTS_INTERLEAVING_SCHEDULE_EXPLORE_H_
#define TESTS_INTERLEAVING_SCHEDULE_EXPLORE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"
#include "tests/interleaving/schedule/scheduler.h"

namespace haft::schedule {

// The options of the command line.
// --seed=N        only this schedule of each exploration
//   --schedules=X   X times as many as usual
struct Flags {
  std::uint64_t seed = 0;
  std::uint64_t schedules = 1;

  void Parse(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      if (std::strncmp(argv[i], "--seed=", 7) == 0)
        seed = std::strtoull(argv[i] + 7, nullptr, 10);
      if (std::strncmp(argv[i], "--schedules=", 12) == 0)
        schedules = std::strtoull(argv[i] + 12, nullptr, 10);
    }
  }
};
inline Flags flags;

// Each thread of the scheduler starts like a new thread of the process.
inline std::function<void()> Newborn(std::function<void()> body) {
  return [body = std::move(body)] {
    internal::sync::ThisThread().registry = nullptr;
    internal::sync::ThisThread().index.store(0, std::memory_order_relaxed);
    internal::sync::ThisThread().cache.store(0, std::memory_order_relaxed);
    internal::sync::ThisThread().loans = 0;
    internal::sync::ThisThread().exited.store(false, std::memory_order_relaxed);
    body();
  };
}
// Makes the calling thread one whose exit hook has run: it has no index and
// gets none.
inline void BecomeUncached() {
  ExitThread();
  internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
}

// Puts the calling thread in the state after its first call to any table.
inline void EnsureIndex() {
  haft::internal::ThreadRegistry::OfThisCopy().Claim();
}

inline Plan PlanOf(std::uint64_t seed, std::uint64_t length) {
  Plan plan;
  plan.seed = seed;
  plan.length = length;
  plan.changes = 1 + static_cast<unsigned>(seed % 5);
  plan.policy = seed % 16 == 0   ? Policy::kRoundRobin
                : seed % 16 == 1 ? Policy::kRandom
                                 : Policy::kPct;
  return plan;
}

// Runs a Scenario of its own under each schedule: Thread(t) for t =
// 0..kThreads-1 in threads, then Check(). Stops at the first schedule that
// fails.
//   Returns   how many were run
template <typename Scenario>
std::uint64_t Explore(std::uint64_t schedules) {
  std::uint64_t length = 100;
  const auto run = [&](const Plan& plan) {
    Scenario scenario;
    std::vector<std::function<void()>> bodies;
    for (unsigned t = 0; t < Scenario::kThreads; ++t)
      bodies.push_back(Newborn([&scenario, t] { scenario.Thread(t); }));
    const Outcome outcome = Run(plan, std::move(bodies));
    EXPECT_FALSE(outcome.stuck) << "somebody waits";
    scenario.Check();
    return outcome.steps;
  };
  length = run(Plan{});
  std::uint64_t seed = flags.seed != 0 ? flags.seed : 1;
  const std::uint64_t end =
      flags.seed != 0 ? seed : schedules * flags.schedules;
  for (; seed <= end && !::testing::Test::HasFailure(); ++seed) {
    const Plan plan = PlanOf(seed, length);
    run(plan);
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "under schedule " << seed << " ("
                    << PolicyName(plan.policy) << "); --seed=" << seed
                    << " runs it again";
      std::fflush(nullptr);
    }
  }
  return seed;
}

}  // namespace haft::schedule

#endif  // TESTS_INTERLEAVING_SCHEDULE_EXPLORE_H_
