// Tests of InternTable: two threads intern, release and delete one object, and
// one of them is stopped at each of its atomic operations in turn; or a signal
// handler interrupts it there.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "haft/internal/process/intern_table.h"

namespace haft {
namespace {

constexpr haft_type kType = {"type", "haft.test.type", nullptr, 0, 0};
constexpr haft_type kOther = {"other", "haft.test.other", nullptr, 0, 0};
constexpr haft_type kThird = {"third", "haft.test.third", nullptr, 0, 0};

internal::InternTable interned;  // never destroyed

// A table, an object, and the count of its handles' ends.
class Ground {
 public:
  ~Ground() {
    interned.Collect();
    EXPECT_EQ(interned.size(), 0u);
    const auto stats = table.Stats();
    EXPECT_EQ(stats.live, 0u);
    EXPECT_EQ(stats.retired_objects, 0u);
    EXPECT_EQ(static_cast<std::uint64_t>(destroyed_), stats.created);
  }

  Handle Intern(const haft_type* type = &kType) {
    Handle handle = kNullHandle;
    const Status status = interned.Intern(
        table, &object_, type,
        [](void* count) { ++*static_cast<std::atomic<int>*>(count); },
        &destroyed_, &handle);
    EXPECT_EQ(status, Status::kOk);
    return handle;
  }
  Status Release(Handle handle) { return interned.Release(table, handle); }

  internal::AnyTable table{100};

 private:
  std::atomic<int> destroyed_{0};
  int object_ = 0;
};

// Calls `first` as often as it has atomic operations, plus one. The n-th time,
// `second` starts in another thread before the n-th of them. `first` goes on
// when `second` is done or, because it may wait for a mutex, has had time to
// run. When both are done, calls `finally`.
template <typename Prepare, typename First, typename Second, typename Finally>
void Interleave(Prepare prepare, First first, Second second, Finally finally) {
  unsigned step = 1;
  for (bool has_stopped = true; has_stopped; ++step) {
    SCOPED_TRACE(step);
    Ground ground;
    auto state = prepare(ground);
    std::thread other;
    std::atomic<bool> is_done{false};
    testing::Stop::Before(step, [&] {
      other = std::thread([&] {
        second(ground, state);
        is_done = true;
      });
      for (int i = 0; i < 1000 && !is_done; ++i) std::this_thread::yield();
    });
    first(ground, state);
    has_stopped = !testing::Stop::Cancel();
    if (has_stopped) {
      other.join();
    } else {
      second(ground, state);
    }
    finally(ground, state);
  }
  EXPECT_GT(step, 2u) << "never stopped";
}

struct State {
  Handle old = kNullHandle;
  Handle a = kNullHandle, b = kNullHandle;
  Status first = Status::kTimedOut, second = Status::kTimedOut;
  internal::AnyTable::Pinned pinned = internal::AnyTable::Pinned::Attach({});
  internal::AnyTable::Pinned other_pinned =
      internal::AnyTable::Pinned::Attach({});
};

// Returns a preparation that interns the object `count` times, and pins it if
// `is_pinned`.
auto Prepared(int count, bool is_pinned = false) {
  return [=](Ground& ground) {
    State state;
    for (int i = 0; i < count; ++i) state.old = ground.Intern();
    if (is_pinned) state.pinned = ground.table.Pin(state.old);
    return state;
  };
}

TEST(InternTableInterleavingTest, LastReleaseAgainstIntern) {
  for (const bool is_pinned : {false, true}) {
    SCOPED_TRACE(is_pinned);
    Interleave(
        Prepared(1, is_pinned),
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.Release(state.old), Status::kOk);
        },
        [](Ground& ground, State& state) {
          state.a = ground.Intern();
          if (state.a != state.old) {
            EXPECT_EQ(ground.table.Check(state.old), Status::kStale)
                << "two live handles";
          }
        },
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.table.Check(state.a), Status::kOk);
          EXPECT_EQ(ground.Release(state.a), Status::kOk);
          EXPECT_EQ(ground.Release(state.a), Status::kStale);
          EXPECT_EQ(ground.Release(state.old), Status::kStale);
          state.pinned.Unpin();
        });
  }
}

TEST(InternTableInterleavingTest, InternAgainstLastRelease) {
  for (const bool is_pinned : {false, true}) {
    SCOPED_TRACE(is_pinned);
    Interleave(
        Prepared(1, is_pinned),
        [](Ground& ground, State& state) { state.a = ground.Intern(); },
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.Release(state.old), Status::kOk);
        },
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.table.Check(state.a), Status::kOk);
          EXPECT_EQ(ground.Release(state.a), Status::kOk);
          state.pinned.Unpin();
        });
  }
}

TEST(InternTableInterleavingTest, LastReleaseAgainstDelete) {
  for (const bool is_pinned : {false, true}) {
    SCOPED_TRACE(is_pinned);
    Interleave(
        Prepared(1, is_pinned),
        [](Ground& ground, State& state) {
          state.first = ground.Release(state.old);
        },
        [](Ground& ground, State& state) {
          state.second = ground.table.Delete(state.old);
        },
        [](Ground& ground, State& state) {
          EXPECT_TRUE(
              (state.first == Status::kOk && state.second == Status::kStale) ||
              (state.first == Status::kStale && state.second == Status::kOk))
              << "one ends it";
          state.a = ground.Intern();
          EXPECT_NE(state.a, state.old);
          state.pinned.Unpin();
          EXPECT_EQ(ground.Intern(), state.a);
          EXPECT_EQ(ground.Release(state.a), Status::kOk);
          EXPECT_EQ(ground.Release(state.a), Status::kOk);
        });
  }
}

TEST(InternTableInterleavingTest, LastReleaseAgainstUnpin) {
  Interleave(
      Prepared(1, true),
      [](Ground& ground, State& state) {
        EXPECT_EQ(ground.Release(state.old), Status::kOk);
      },
      [](Ground&, State& state) { state.pinned.Unpin(); },
      [](Ground& ground, State& state) {
        EXPECT_EQ(ground.table.Check(state.old), Status::kStale);
      });
}

TEST(InternTableInterleavingTest, ReleaseAgainstRelease) {
  for (const bool is_pinned : {false, true}) {
    SCOPED_TRACE(is_pinned);
    Interleave(
        Prepared(2, is_pinned),
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.Release(state.old), Status::kOk);
        },
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.Release(state.old), Status::kOk);
        },
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.Release(state.old), Status::kStale);
          state.pinned.Unpin();
        });
  }
}

TEST(InternTableInterleavingTest, FirstInternAgainstFirstIntern) {
  Interleave(
      Prepared(0),
      [](Ground& ground, State& state) { state.a = ground.Intern(); },
      [](Ground& ground, State& state) { state.b = ground.Intern(); },
      [](Ground& ground, State& state) {
        EXPECT_EQ(state.a, state.b);
        EXPECT_EQ(ground.Release(state.a), Status::kOk);
        EXPECT_EQ(ground.Release(state.a), Status::kOk);
        EXPECT_EQ(ground.Release(state.a), Status::kStale);
      });
}

TEST(InternTableInterleavingTest, InternAgainstDelete) {
  Interleave(
      Prepared(1),
      [](Ground& ground, State& state) { state.a = ground.Intern(); },
      [](Ground& ground, State& state) {
        EXPECT_EQ(ground.table.Delete(state.old), Status::kOk);
      },
      [](Ground& ground, State& state) {
        const Status expected =
            state.a == state.old ? Status::kStale : Status::kOk;
        EXPECT_EQ(ground.Release(state.a), expected);
        EXPECT_EQ(ground.Release(state.a), Status::kStale);
      });
}

TEST(InternTableInterleavingTest, DeleteAgainstIntern) {
  for (const bool is_pinned : {false, true}) {
    SCOPED_TRACE(is_pinned);
    Interleave(
        Prepared(1, is_pinned),
        [](Ground& ground, State& state) {
          EXPECT_EQ(ground.table.Delete(state.old), Status::kOk);
        },
        [](Ground& ground, State& state) { state.a = ground.Intern(); },
        [](Ground& ground, State& state) {
          const Status expected =
              state.a == state.old ? Status::kStale : Status::kOk;
          EXPECT_EQ(ground.Release(state.a), expected);
          state.pinned.Unpin();
        });
  }
}

// Calls `first` as often as it has atomic operations. The n-th time, a signal
// handler interrupts it before the n-th of them, possibly while it holds the
// mutex, and calls `second`. When both are done, calls `finally`.
template <typename Prepare, typename First, typename Second, typename Finally>
void Interrupt(Prepare prepare, First first, Second second, Finally finally) {
  static std::function<void()> handler;
  struct sigaction action = {}, old_action = {};
  action.sa_handler = [](int) { handler(); };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old_action), 0);
  alarm(300);  // instead of waiting for ever for a mutex
  unsigned step = 1;
  for (bool is_interrupted = true; is_interrupted; ++step) {
    SCOPED_TRACE(step);
    Ground ground;
    auto state = prepare(ground);
    handler = [&] { second(ground, state); };
    testing::Stop::Before(step, [] { raise(SIGUSR1); });
    first(ground, state);
    is_interrupted = !testing::Stop::Cancel();
    if (!is_interrupted) second(ground, state);
    finally(ground, state);
  }
  alarm(0);
  EXPECT_GT(step, 2u) << "never interrupted";
  EXPECT_EQ(sigaction(SIGUSR1, &old_action, nullptr), 0);
}

// What a handler can do to end a handle. kDelete and kTake are for the handle
// of the interrupted call, the others for an object in the same shard.
enum class Ending { kDelete, kTake, kDeleteOther, kTakeOther, kUnpinOther };

template <typename First>
void InterruptByEachEnding(int count, bool is_pinned, First first) {
  for (const Ending ending :
       {Ending::kDelete, Ending::kTake, Ending::kDeleteOther,
        Ending::kTakeOther, Ending::kUnpinOther}) {
    SCOPED_TRACE(static_cast<int>(ending));
    const bool is_own = ending == Ending::kDelete || ending == Ending::kTake;
    Interrupt(
        [&](Ground& ground) {
          State state = Prepared(count, is_pinned)(ground);
          state.b = ground.Intern(&kOther);
          if (ending == Ending::kUnpinOther) {
            state.other_pinned = ground.table.Pin(state.b);
            EXPECT_EQ(ground.table.Delete(state.b), Status::kOk);
          }
          return state;
        },
        [&](Ground& ground, State& state) {
          state.first = first(ground, state);
        },
        [&](Ground& ground, State& state) {
          const Handle ended = is_own ? state.old : state.b;
          if (ending == Ending::kUnpinOther) {
            state.other_pinned.Unpin();
          } else if (ending == Ending::kTake || ending == Ending::kTakeOther) {
            if (std::optional<internal::AnyObject> taken =
                    ground.table.Take(ended, &state.second)) {
              // Counts as destroyed.
              const internal::AnyObject object =
                  internal::InternTable::Forget(*std::move(taken));
              EXPECT_EQ(object.type(), is_own ? &kType : &kOther);
            }
          } else {
            state.second = ground.table.Delete(ended);
          }
        },
        [&](Ground& ground, State& state) {
          if (is_own) {
            // The call and the handler end it once.
            EXPECT_TRUE(state.second == Status::kOk ||
                        state.second == Status::kStale ||
                        state.second == Status::kNull ||
                        (is_pinned && state.second == Status::kPinned));
            if (state.second == Status::kOk) {
              EXPECT_NE(ground.Intern(), state.old);
            }
            EXPECT_EQ(ground.Release(state.b), Status::kOk);
          } else if (ending != Ending::kUnpinOther) {
            EXPECT_EQ(state.second, Status::kOk);
            EXPECT_EQ(state.first, Status::kOk);
          }
          EXPECT_EQ(ground.Release(state.b), Status::kStale);
          state.pinned.Unpin();
          ground.table.Clear();
        });
  }
}

TEST(InternTableSignalTest, HandlersMayEndHandlesDuringTheFirstIntern) {
  InterruptByEachEnding(0, false, [](Ground& ground, State& state) {
    state.a = ground.Intern();
    EXPECT_EQ(ground.table.Check(state.a), Status::kOk);
    return Status::kOk;
  });
}

TEST(InternTableSignalTest, HandlersMayEndHandlesDuringIntern) {
  InterruptByEachEnding(1, false, [](Ground& ground, State& state) {
    state.a = ground.Intern();
    return Status::kOk;
  });
}

TEST(InternTableSignalTest, HandlersMayEndHandlesDuringRelease) {
  for (const int count : {1, 2}) {
    for (const bool is_pinned : {false, true}) {
      SCOPED_TRACE(count);
      SCOPED_TRACE(is_pinned);
      InterruptByEachEnding(count, is_pinned, [](Ground& ground, State& state) {
        return ground.Release(state.old);
      });
    }
  }
}

TEST(InternTableSignalTest, HandlersMayEndHandlesDuringCollect) {
  InterruptByEachEnding(1, false, [](Ground& ground, State&) {
    const Status status = ground.table.Delete(ground.Intern(&kThird));
    interned.Collect();
    return status;
  });
}

}  // namespace
}  // namespace haft
