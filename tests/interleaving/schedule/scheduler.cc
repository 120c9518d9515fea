#include "tests/interleaving/schedule/scheduler.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "tests/interleaving/schedule/coroutine.h"

namespace haft::schedule {
namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t Below(std::uint64_t bound) noexcept { return Next() % bound; }

 private:
  std::uint64_t Next() noexcept {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }

  std::uint64_t state_;
};

enum class State { kReady, kStopped, kEnded };

struct Thread {
  explicit Thread(void (*serve)(void*)) : coroutine(serve, this) {}

  Coroutine coroutine;
  std::function<void()> body;
  State state = State::kEnded;
  unsigned number = 0;
  bool counts = false;
  std::uint64_t steps = 0;  // since BeginOperation
  std::uint64_t stop_before = 0;
  std::int64_t priority = 0;
  void (*exit_hook)(void*) = nullptr;
  void* exit_cookie = nullptr;
};

// The thread that runs; nullptr outside of Run.
Thread* me = nullptr;

class Scheduler {
 public:
  Outcome Run(const Plan& plan, std::vector<std::function<void()>> bodies) {
    plan_ = plan;
    random_ = Random(plan.seed);
    ForgetEnded();
    first_ = used_;
    steps_ = 0;
    stuck_ = false;
    let_others_ = true;
    lowest_ = 0;
    quantum_ = 1 + random_.Below(8);
    for (std::function<void()>& body : bodies) Add(std::move(body));
    for (unsigned t = first_; t < used_; ++t) {
      Thread& thread = *threads_[t];
      const unsigned i = t - first_;
      thread.stop_before =
          i < plan.stop_before.size() ? plan.stop_before[i] : 0;
    }
    if (plan.policy == Policy::kPct) {
      changes_.clear();
      for (unsigned i = 0; i < plan.changes; ++i)
        changes_.push_back(1 + random_.Below(plan.length));
      std::sort(changes_.begin(), changes_.end());
      for (unsigned t = first_; t < used_; ++t) {
        // This builds a random permutation, one thread longer each time.
        const auto other =
            first_ + static_cast<unsigned>(random_.Below(t - first_ + 1));
        threads_[t]->priority = t - first_ + 1;
        std::swap(threads_[t]->priority, threads_[other]->priority);
      }
    }
    return Go();
  }

  Outcome Resume() {
    steps_ = 0;
    stuck_ = false;
    LetAllGoOn();
    return Go();
  }

  void BeforeAccess(Access access) noexcept {
    ++steps_;
    if (me->counts) ++me->steps;
    if (steps_ > plan_.step_limit) Rescue();
    if (me->steps == me->stop_before && me->counts && me->steps != 0 &&
        !stuck_) {
      me->state = State::kStopped;
    }
    HandOn(Pick(access, false));
  }
  void Yield() noexcept {
    ++steps_;
    if (steps_ > plan_.step_limit) Rescue();
    HandOn(Pick(Access::kLoad, true));
  }
  void OperationEnded() noexcept { let_others_ = false; }
  unsigned Choose(unsigned bound) noexcept {
    return static_cast<unsigned>(random_.Below(bound));
  }

 private:
  void ForgetEnded() {
    while (used_ > 0 && threads_[used_ - 1]->state == State::kEnded) --used_;
  }

  void Add(std::function<void()> body) {
    if (used_ == threads_.size()) {
      if (used_ == kMostThreads) std::abort();
      threads_.push_back(std::make_unique<Thread>(&Serve));
    }
    Thread& thread = *threads_[used_];
    thread.body = std::move(body);
    thread.state = State::kReady;
    thread.number = used_++;
    thread.counts = false;
    thread.steps = 0;
    thread.exit_hook = nullptr;
  }

  // The endless loop of each thread, which runs one body after another.
  static void Serve(void* cookie);

  Outcome Go() {
    HandOn(Pick(Access::kPlain, false, threads_[first_].get()));
    Outcome outcome;
    outcome.steps = steps_;
    outcome.stuck = stuck_;
    for (unsigned t = 0; t < used_; ++t)
      outcome.stopped += threads_[t]->state == State::kStopped;
    return outcome;
  }

  // Returns nullptr if no thread is ready; then Run returns.
  void HandOn(Thread* next) noexcept {
    if (next == me) return;
    Thread* const self = std::exchange(me, next);
    CoroutineOf(self)->SwitchTo(CoroutineOf(next));
  }
  Coroutine* CoroutineOf(Thread* thread) noexcept {
    return thread == nullptr ? &outside_ : &thread->coroutine;
  }

  Thread* Pick(Access access, bool yields) noexcept {
    return Pick(access, yields, me);
  }
  Thread* Pick(Access access, bool yields, Thread* current) noexcept {
    if (stuck_) return Next(current);
    switch (plan_.policy) {
      case Policy::kInOrder:
        return yields && current->state == State::kReady ? Next(current)
                                                         : First();
      case Policy::kRoundRobin:
        if (!yields && current->state == State::kReady && ++run_ < quantum_)
          return current;
        run_ = 0;
        return Next(current);
      case Policy::kRandom: {
        unsigned ready = 0;
        for (unsigned t = 0; t < used_; ++t) ready += IsReady(t);
        if (ready == 0) return nullptr;
        std::uint64_t chosen = random_.Below(ready);
        for (unsigned t = 0;; ++t)
          if (IsReady(t) && chosen-- == 0) return threads_[t].get();
      }
      case Policy::kPct: {
        bool falls = yields;
        while (!changes_.empty() && changes_.front() <= steps_) {
          changes_.erase(changes_.begin());
          falls = true;
        }
        if (falls) current->priority = --lowest_;
        Thread* best = nullptr;
        for (unsigned t = 0; t < used_; ++t)
          if (IsReady(t) &&
              (best == nullptr || threads_[t]->priority > best->priority))
            best = threads_[t].get();
        return best;
      }
      case Policy::kInterfere:
        return PickToInterfere(access, current);
    }
    std::abort();
  }

  Thread* PickToInterfere(Access access, Thread* current) noexcept {
    Thread* const victim = threads_[first_].get();
    if (victim->state != State::kReady) return First();
    if (current == victim) {
      if (access != Access::kReadModifyWrite || !victim->counts) return victim;
      let_others_ = true;
    } else if (!let_others_) {
      last_ = current->number;
      return victim;
    } else if (current->state == State::kReady) {
      return current;
    }
    // Chooses among the other threads.
    for (unsigned i = 1; i <= used_; ++i) {
      const unsigned t = (last_ + i) % used_;
      if (IsReady(t) && threads_[t].get() != victim) return threads_[t].get();
    }
    return victim;
  }

  bool IsReady(unsigned t) const noexcept {
    return threads_[t]->state == State::kReady;
  }
  Thread* First() const noexcept {
    for (unsigned t = 0; t < used_; ++t)
      if (IsReady(t)) return threads_[t].get();
    return nullptr;
  }
  Thread* Next(const Thread* current) const noexcept {
    for (unsigned i = 1; i <= used_; ++i) {
      const unsigned t = (current->number + i) % used_;
      if (IsReady(t)) return threads_[t].get();
    }
    return nullptr;
  }

  void LetAllGoOn() noexcept {
    for (unsigned t = 0; t < used_; ++t) {
      threads_[t]->stop_before = 0;
      if (threads_[t]->state == State::kStopped)
        threads_[t]->state = State::kReady;
    }
  }
  void Rescue() noexcept {
    if (!stuck_) {
      stuck_ = true;
      LetAllGoOn();
      rescue_limit_ = steps_ + 10 * plan_.step_limit;
    } else if (steps_ > rescue_limit_) {
      std::fprintf(stderr, "schedule: no end in sight, seed %llu, policy %s\n",
                   static_cast<unsigned long long>(plan_.seed),
                   PolicyName(plan_.policy));
      std::abort();
    }
  }

  std::vector<std::unique_ptr<Thread>> threads_;
  unsigned used_ = 0;   // of threads_
  unsigned first_ = 0;  // of this Run
  Coroutine outside_;
  Plan plan_;
  Random random_{0};
  std::uint64_t steps_ = 0, rescue_limit_ = 0;
  bool stuck_ = false;
  std::uint64_t quantum_ = 1, run_ = 0;
  std::vector<std::uint64_t> changes_;
  std::int64_t lowest_ = 0;
  bool let_others_ = true;
  unsigned last_ = 0;
};

// It is never destroyed, because its threads run forever.
Scheduler& scheduler = *new Scheduler;

void Scheduler::Serve(void* cookie) {
  Thread* const thread = static_cast<Thread*>(cookie);
  for (;;) {
    thread->body();
    thread->body = nullptr;
    ExitThread();
    thread->state = State::kEnded;
    scheduler.HandOn(scheduler.Pick(Access::kPlain, false));
  }
}

struct Arena {
  static constexpr std::size_t kSize = std::size_t{1}
                                       << (sizeof(std::size_t) > 4 ? 32 : 29);
  char* const begin = static_cast<char*>(
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  std::size_t used = 0;
  std::size_t holders = 0;
} arena;

}  // namespace

const char* PolicyName(Policy policy) {
  switch (policy) {
    case Policy::kInOrder:
      return "in order";
    case Policy::kRoundRobin:
      return "round robin";
    case Policy::kRandom:
      return "random";
    case Policy::kPct:
      return "PCT";
    case Policy::kInterfere:
      return "interfere";
  }
  return "?";
}

Outcome Run(const Plan& plan, std::vector<std::function<void()>> bodies) {
  return scheduler.Run(plan, std::move(bodies));
}
Outcome Resume() { return scheduler.Resume(); }

void BeginOperation() {
  me->counts = true;
  me->steps = 0;
}
std::uint64_t EndOperation() {
  me->counts = false;
  scheduler.OperationEnded();
  return me->steps;
}
void ExitThread() {
  if (me->exit_hook == nullptr || faults.lost_exit_hook) return;
  std::exchange(me->exit_hook, nullptr)(me->exit_cookie);
}
unsigned ThreadNumber() noexcept {
  return me == nullptr ? kMostThreads : me->number;
}

void BeforeAccess(Access access) noexcept {
  if (me != nullptr) scheduler.BeforeAccess(access);
}
void Yield() noexcept {
  if (me != nullptr) scheduler.Yield();
}
void AtThreadExit(void (*hook)(void*), void* cookie) noexcept {
  if (me == nullptr) return;
  me->exit_hook = hook;
  me->exit_cookie = cookie;
}
unsigned Choose(unsigned bound) noexcept {
  return me == nullptr ? 0 : scheduler.Choose(bound);
}

void* ReserveBytes(std::size_t bytes) noexcept {
  constexpr std::size_t kPage = 4096;
  bytes = (bytes + kPage - 1) / kPage * kPage;
  if (arena.begin == MAP_FAILED || bytes > Arena::kSize - arena.used)
    return nullptr;
  void* const range = arena.begin + arena.used;
  arena.used += bytes;
  ++arena.holders;
  return range;
}
void UnreserveBytes() noexcept {
  if (--arena.holders != 0) return;
  madvise(arena.begin, arena.used, MADV_DONTNEED);
  arena.used = 0;
}

}  // namespace haft::schedule
