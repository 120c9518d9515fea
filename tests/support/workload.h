// The part that tests of linearizability share: threads that load a table and
// hand handles to each other while each keeps a log, and the check of it all.
// HAFT_HISTORY_OPERATIONS sets the number of operations of each case; each case
// then also reports what it has done.

#ifndef TESTS_SUPPORT_WORKLOAD_H_
#define TESTS_SUPPORT_WORKLOAD_H_

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "haft/handle.h"
#include "tests/support/history.h"
#include "tests/support/linearizability.h"
#include "tests/support/testing.h"

namespace haft::testing {

inline std::size_t Operations() {
  static const char* const given = std::getenv("HAFT_HISTORY_OPERATIONS");
  return given ? std::strtoull(given, nullptr, 10)
               : (kSanitized ? 60000 : 1000000);
}

inline constexpr unsigned kOversubscribed = 8;
inline unsigned Cores() {
  return std::max(2u, std::thread::hardware_concurrency());
}

// The way in which threads hand handles to each other and take their times.
enum class Passing {
  kSynchronised,    // by release and acquire; exact times
  kWithoutFences,   // the same, but the recorder adds no fences
  kUnsynchronised,  // relaxed, no fences: a handle may arrive before its value
};
constexpr std::memory_order LoadOrder(Passing passing) {
  return passing == Passing::kUnsynchronised ? std::memory_order_relaxed
                                             : std::memory_order_acquire;
}
constexpr std::memory_order ExchangeOrder(Passing passing) {
  return passing == Passing::kUnsynchronised ? std::memory_order_relaxed
                                             : std::memory_order_acq_rel;
}

// How many handles a thread makes in a row now and then, so that tables become
// full.
inline constexpr std::size_t kFlood = 2100;

// Makes threads yield to each other at arbitrary instructions, and not only at
// the end of their time slices, if there are more threads than cores.
class Preemption {
 public:
  explicit Preemption(unsigned threads) : active_(threads > Cores()) {
    if (!active_) return;
    Mask(SIG_BLOCK);
    struct sigaction yield = {};
    yield.sa_handler = [](int) { sched_yield(); };
    yield.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &yield, nullptr);
    SetInterval(50);
  }
  ~Preemption() {
    if (!active_) return;
    SetInterval(0);
    Mask(SIG_UNBLOCK);  // the last signal may come now, so its handler stays
  }

  // Each thread that is to be interrupted must call this.
  void Join() const {
    if (active_) Mask(SIG_UNBLOCK);
  }

 private:
  static void Mask(int how) {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(how, &alarm, nullptr);
  }
  static void SetInterval(int microseconds) {
    itimerval timer{};
    timer.it_interval.tv_usec = timer.it_value.tv_usec = microseconds;
    setitimer(ITIMER_REAL, &timer, nullptr);
  }

  const bool active_;
};

// The state that the threads of one run share, and the loop of each thread
// until its log is long enough.
template <typename Derived>
class Workload {
 public:
  Workload(unsigned threads, Passing passing)
      : passing_(passing), threads_(threads), start_(threads) {
    const Fences fences =
        passing == Passing::kSynchronised ? Fences::kFull : Fences::kNone;
    for (unsigned t = 0; t <= threads; ++t)
      logs_.emplace_back(t, room_, fences);
  }

  void Run() {
    const auto start = std::chrono::steady_clock::now();
    const Preemption preemption(threads_);
    RunThreads(threads_, [&](unsigned t) {
      preemption.Join();
      Log& log = logs_[t];
      std::minstd_rand random(t + 1);
      start_.Wait();
      static_cast<Derived*>(this)->RunThread(log, random);
    });
    static_cast<Derived*>(this)->Finish(logs_.back());
    recorded_ = SecondsSince(start);
  }

  std::vector<Event> TakeHistory() { return Merge(std::move(logs_)); }

  // Expects the operations that a run of any length must contain.
  template <typename Layout>
  void ExpectExplained(typename LinearizabilityChecker<Layout>::Kind kind,
                       std::size_t capacity, std::vector<Event> history) {
    using Checker = LinearizabilityChecker<Layout>;
    const std::size_t size = history.size();
    const auto start = std::chrono::steady_clock::now();
    const auto contradiction = Checker(std::move(history), kind, capacity,
                                       passing_ == Passing::kUnsynchronised
                                           ? Checker::Refusals::kAreAllowed
                                           : Checker::Refusals::kAreChecked)
                                   .Check();
    EXPECT_FALSE(contradiction) << contradiction->ToString();
    if (std::getenv("HAFT_HISTORY_OPERATIONS") == nullptr) return;
    std::printf("%zu operations, %u threads: %.2f s recorded, %.2f s checked\n",
                size, threads_, recorded_, SecondsSince(start));
  }

 protected:
  static constexpr std::size_t kHot = 8;

  bool IsDone(const Log& log) const {
    return log.size() >= Operations() / threads_;
  }
  std::uint32_t NextValue(const Log& log) const {
    return static_cast<std::uint32_t>((&log - logs_.data()) * room_ +
                                      log.size());
  }

  std::atomic<Word>& Hot(std::minstd_rand& random) {
    return hot_[random() % kHot];
  }
  Handle Look(std::minstd_rand& random) {
    return Handle(Hot(random).load(LoadOrder(passing_)));
  }
  Handle Swap(std::minstd_rand& random, Handle handle) {
    return Handle(Hot(random).exchange(static_cast<Word>(handle),
                                       ExchangeOrder(passing_)));
  }

  const Passing passing_;

 private:
  static double SecondsSince(std::chrono::steady_clock::time_point start) {
    const std::chrono::duration<double> passed =
        std::chrono::steady_clock::now() - start;
    return passed.count();
  }

  const unsigned threads_;
  Barrier start_;
  // The room in each log is more than a thread's share, because the thread
  // finishes its last step and destroys objects that others have deleted.
  const std::size_t room_ = 2 * Operations() + 8 * kFlood;
  std::vector<Log> logs_;
  std::array<std::atomic<Word>, kHot> hot_{};
  double recorded_ = 0;
};

// Handles that a thread keeps although they may be dead. A new one replaces the
// oldest.
class Memory {
 public:
  Handle Replace(std::minstd_rand& random, Handle handle) {
    return std::exchange(handles_[random() % handles_.size()], handle);
  }
  Handle Any(std::minstd_rand& random) const {
    return handles_[random() % handles_.size()];
  }

 private:
  std::array<Handle, 4> handles_{};
};

inline std::size_t CountOf(const std::vector<Event>& history, Op op) {
  return static_cast<std::size_t>(
      std::count_if(history.begin(), history.end(),
                    [=](const Event& event) { return event.op == op; }));
}

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_WORKLOAD_H_
