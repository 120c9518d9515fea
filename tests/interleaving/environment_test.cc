// Tests of HandleTable in its environment.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "haft/striped_free_list.h"
#include "tests/support/in_child.h"
#include "tests/support/single_step.h"
#include "tests/support/testing.h"

#ifdef __has_feature
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif

namespace haft {
namespace {

#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

using testing::Coverage;
using testing::ExpectConservation;
using testing::InChild;
using testing::kSanitized;
using testing::kWordBits;
using testing::Step;
using testing::TestTraits;
using testing::TinyLayout;

template <typename FreeList, typename Layout = DefaultLayout>
using WordTable = HandleTable<Word, TestTraits<FreeList, Layout>>;

using SmallMagazines = BasicMagazineFreeList<4>;

// For tests that delete as long as they run, which is more often than a small
// table of 32-bit handles has generations.
template <typename FreeList>
using ManyGenerations = TestTraits < FreeList,
      DefaultLayout, kWordBits<64 ? Exhaustion::kWrap : Exhaustion::kDropSlot>;

// Makes the calling thread one without a cache.
void BecomeUncached() {
  internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
}

// ---------------------------------------------------------------------------
// Signals

// Two words, so that a mixture of two values is noticed.
struct Value {
  Word word;
  Word complement;

  static Value Of(Word word) { return {word, ~word}; }
  friend bool operator==(const Value& a, const Value& b) {
    return a.word == b.word && a.complement == b.complement;
  }
  friend bool operator!=(const Value& a, const Value& b) { return !(a == b); }
};

// A table and the values that should be in it. It can be used in a signal
// handler. The first few handles are spares, which handlers delete.
template <typename Traits>
class Ledger {
 public:
  using Table = HandleTable<Value, Traits>;

  Ledger() { NewMany(kSpares); }

  Handle New() {
    if (count_ + kMostAtOnce > kEntries) return kNullHandle;
    const Word word = next_word_++;
    const Handle handle = table.New(Value::Of(word));
    if (handle != kNullHandle) Record(handle, word);
    return handle;
  }
  void NewMany(unsigned count) {
    for (unsigned i = 0; i < count; ++i) (void)New();
  }
  // Notes a handle that New(Value::Of(TakeWord())) has made.
  Word TakeWord() { return next_word_++; }
  void Record(Handle handle, Word word) {
    for (unsigned i = 0; i < count_; ++i)
      failed_ |= entries_[i].handle == handle;
    entries_[count_] = {handle, word, true};
    ++count_;
  }

  // Deletes a handle and expects that no other call deletes it.
  void Delete(Handle handle) {
    Entry& entry = Of(handle);
    failed_ |= !entry.live;
    // This comes before the Delete, because a signal handler may look in
    // between.
    entry.live = false;
    failed_ |= table.Delete(handle) != Value::Of(entry.word);
  }
  void DeleteSpares(unsigned count) { Delete(0, kSpares, count); }
  // The oldest handles that are no spares.
  void DeleteOldest(unsigned count) { Delete(kSpares, count_, count); }
  // Deletes a handle that the interrupted call may delete, too.
  void TryDelete(Handle handle) {
    if (const std::optional<Value> value = table.Delete(handle))
      NoteDeleted(handle, *value);
  }
  void NoteDeleted(Handle handle, Value value) {
    Entry& entry = Of(handle);
    failed_ |= !entry.live || value != Value::Of(entry.word);
    entry.live = false;
  }

  // Fills the table.
  void FillUp() {
    while (table.New(Value::Of(0)) != kNullHandle) ++ballast_;
  }

  Handle last() const { return entries_[count_ - 1].handle; }

  // `but` is being deleted and may be gone already.
  void LookAtAll(Handle but) {
    for (unsigned i = 0; i < count_; ++i) {
      const Entry& entry = entries_[i];
      const std::optional<Value> value = table.Value(entry.handle);
      if (value.has_value()) failed_ |= *value != Value::Of(entry.word);
      if (entry.handle != but) failed_ |= value.has_value() != entry.live;
    }
  }

  void ExpectInOrder() {
    EXPECT_FALSE(failed_) << "a handle twice, or a wrong value";
    std::size_t live = 0;
    for (unsigned i = 0; i < count_; ++i) {
      const Entry& entry = entries_[i];
      live += entry.live;
      EXPECT_EQ(table.Value(entry.handle).has_value(), entry.live);
    }
    LookAtAll(kNullHandle);
    EXPECT_FALSE(failed_);
    EXPECT_EQ(table.Stats().created, count_ + ballast_);
    EXPECT_EQ(table.Stats().live, live + ballast_);
    ExpectConservation(table);
  }

  Table table{100};

 private:
  struct Entry {
    Handle handle;
    Word word;
    bool live;
  };
  static constexpr unsigned kEntries = 2048;
  // Room for the handles that the interrupted call makes.
  static constexpr unsigned kMostAtOnce = 8;
  // They fill magazines of 4, so that no magazine is partly full.
  static constexpr unsigned kSpares = 40;

  Entry& Of(Handle handle) {
    for (unsigned i = 0; i < count_; ++i) {
      if (entries_[i].handle == handle) return entries_[i];
    }
    std::abort();
  }
  // Deletes up to `count` of the entries first..end-1.
  void Delete(unsigned first, unsigned end, unsigned count) {
    for (unsigned i = first; i < end && count > 0; ++i) {
      if (!entries_[i].live) continue;
      Delete(entries_[i].handle);
      --count;
    }
  }

  Entry entries_[kEntries];
  unsigned count_ = 0;
  unsigned ballast_ = 0;
  Word next_word_ = 1;
  bool failed_ = false;
};

// The action of a signal handler.
enum class Handler {
  kMakes,
  kDeletes,
  kMakesLooksDeletes,
  kMakesTwoDeletesFirst,  // the stack's top is the same again, but not the
                          // entry below
  kReplacesTheSame,
};
constexpr Handler kHandlers[] = {
    Handler::kMakes, Handler::kDeletes, Handler::kMakesLooksDeletes,
    Handler::kMakesTwoDeletesFirst, Handler::kReplacesTheSame};

// The call that is interrupted.
enum class Call { kNew, kDelete, kValue, kNewBatch, kDeleteBatch };

// The kind of thread that makes the call.
enum class Caller {
  kOld,       // one that has used this table
  kNewHere,   // one that has used another table
  kNewborn,   // one that has used none
  kUncached,  // one past its exit hook
};

// The state that a scenario prepares.
template <typename Traits>
using Preparation = void (*)(Ledger<Traits>*);
template <typename Traits>
void Nothing(Ledger<Traits>*) {}
template <typename Traits>
void OneMore(Ledger<Traits>* ledger) {
  ledger->NewMany(1);
}

class SingleStepTest : public testing::SingleStepTest {
 protected:
  // Interrupts `call` at each instruction, with each handler, on fresh tables.
  template <typename Traits>
  void Interrupt(Call call, Caller caller, Preparation<Traits> prepare) {
    for (Handler handler : kHandlers) {
      InterruptAtAll([=](Coverage* coverage, unsigned gap) {
        Ledger<Traits> ledger;
        prepare(&ledger);
        const auto run = [&] {
          RunCall(coverage, gap, call, handler, &ledger);
        };
        if (caller == Caller::kOld) {
          run();
        } else {
          std::thread([&] {
            if (caller == Caller::kUncached) BecomeUncached();
            if (caller == Caller::kNewHere)
              (void)WordTable<GlobalFreeList>(1).New(0);
            run();
          }).join();
        }
        ledger.ExpectInOrder();
      });
      ASSERT_FALSE(HasFailure()) << "handler " << static_cast<int>(handler);
    }
  }

 private:
  template <typename Traits>
  static void RunCall(Coverage* coverage, unsigned gap, Call call,
                      Handler handler, Ledger<Traits>* ledger) {
    auto& table = ledger->table;
    const Handle target = ledger->last();
    const std::optional<Value> before = table.Value(target);
    const auto step = [&](auto op) {
      Step(coverage, gap, op, [=] { Act(handler, target, call, ledger); });
    };
    switch (call) {
      case Call::kNew: {
        const Word word = ledger->TakeWord();
        Handle made;
        step([&] { made = table.New(Value::Of(word)); });
        if (made != kNullHandle) ledger->Record(made, word);
        break;
      }
      case Call::kDelete: {
        std::optional<Value> deleted;
        step([&] { deleted = table.Delete(target); });
        if (deleted.has_value()) ledger->NoteDeleted(target, *deleted);
        EXPECT_FALSE(table.Value(target).has_value());
        break;
      }
      case Call::kValue: {
        std::optional<Value> value;
        step([&] { value = table.Value(target); });
        if (value.has_value()) {
          EXPECT_TRUE(value == before);
        } else {
          EXPECT_EQ(handler, Handler::kReplacesTheSame);
        }
        break;
      }
      case Call::kNewBatch: {
        Value values[5];
        for (Value& value : values) value = Value::Of(ledger->TakeWord());
        Handle made[5];
        std::size_t count = 0;
        step([&] { count = table.NewBatch(values, 5, made); });
        EXPECT_EQ(count, 5u);
        for (std::size_t i = 0; i < count; ++i)
          ledger->Record(made[i], values[i].word);
        break;
      }
      case Call::kDeleteBatch: {
        const Handle batch[] = {kNullHandle, target, target, Handle(3), target};
        std::optional<Value> values[5];
        step([&] { (void)table.DeleteBatch(batch, 5, values); });
        for (const std::optional<Value>& value : values) {
          if (value.has_value()) ledger->NoteDeleted(target, *value);
        }
        EXPECT_FALSE(table.Value(target).has_value());
        break;
      }
    }
  }

  template <typename Traits>
  static void Act(Handler handler, Handle target, Call call,
                  Ledger<Traits>* ledger) {
    const bool deletes = call == Call::kDelete || call == Call::kDeleteBatch;
    switch (handler) {
      case Handler::kMakes:
        ledger->NewMany(5);
        break;
      case Handler::kDeletes:
        ledger->DeleteSpares(5);
        break;
      case Handler::kMakesLooksDeletes:
        if (const Handle handle = ledger->New()) {
          ledger->LookAtAll(deletes ? target : kNullHandle);
          ledger->Delete(handle);
        }
        break;
      case Handler::kMakesTwoDeletesFirst:
        if (const Handle first = ledger->New()) {
          ledger->NewMany(1);
          ledger->Delete(first);
        }
        break;
      case Handler::kReplacesTheSame:
        ledger->TryDelete(target);
        ledger->NewMany(1);
        break;
    }
  }
};

using SmallTraits = TestTraits<SmallMagazines>;
using SmallLedger = Ledger<SmallTraits>;

// The cache of the thread that sets up is empty.
TEST_F(SingleStepTest, NewThatTakesAMagazineOfFreshSlots) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kOld, &Nothing);
}
// The loaded magazine holds three handles.
TEST_F(SingleStepTest, NewFromTheLoadedMagazine) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kOld, &OneMore);
}
TEST_F(SingleStepTest, NewThatSwapsMagazines) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kOld, [](SmallLedger* ledger) {
    ledger->NewMany(8);
    ledger->DeleteOldest(8);
    ledger->NewMany(4);
  });
}
TEST_F(SingleStepTest, NewThatTakesAMagazineFromTheDepot) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kOld, [](SmallLedger* ledger) {
    ledger->NewMany(12);
    ledger->DeleteOldest(12);
    ledger->NewMany(8);
  });
}
TEST_F(SingleStepTest, NewThatTakesASingleHandle) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kOld, [](SmallLedger* ledger) {
    ledger->NewMany(4);
    std::thread([=] {
      BecomeUncached();
      ledger->DeleteOldest(2);
    }).join();
  });
}
TEST_F(SingleStepTest, NewThatIsAThreadsFirstCallHere) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kNewHere, &Nothing);
}
TEST_F(SingleStepTest, NewThatIsAThreadsFirstCall) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kNewborn, &Nothing);
}
TEST_F(SingleStepTest, NewOfAnUncachedCallerThatTakesAFreshSlot) {
  Interrupt<SmallTraits>(Call::kNew, Caller::kUncached, &Nothing);
}
TEST_F(SingleStepTest, NewOfAnUncachedCallerThatBreaksUpAMagazine) {
  using Traits = TestTraits<BasicMagazineFreeList<2>>;
  Interrupt<Traits>(Call::kNew, Caller::kUncached, [](Ledger<Traits>* ledger) {
    ledger->NewMany(8);
    ledger->FillUp();
    ledger->DeleteOldest(8);
  });
}
TEST_F(SingleStepTest, NewInAFullTable) {
  using Traits = TestTraits<BasicMagazineFreeList<1>>;
  Interrupt<Traits>(Call::kNew, Caller::kOld,
                    [](Ledger<Traits>* ledger) { ledger->FillUp(); });
}
TEST_F(SingleStepTest, NewBatchThatTakesFreshSlots) {
  Interrupt<SmallTraits>(Call::kNewBatch, Caller::kOld,
                         [](SmallLedger* ledger) { ledger->NewMany(2); });
}

TEST_F(SingleStepTest, DeleteToTheLoadedMagazine) {
  Interrupt<SmallTraits>(Call::kDelete, Caller::kOld, &OneMore);
}
TEST_F(SingleStepTest, DeleteThatSwapsMagazines) {
  Interrupt<SmallTraits>(Call::kDelete, Caller::kOld, [](SmallLedger* ledger) {
    ledger->NewMany(8);
    ledger->DeleteOldest(4);
  });
}
TEST_F(SingleStepTest, DeleteThatGivesAMagazineToTheDepot) {
  Interrupt<SmallTraits>(Call::kDelete, Caller::kOld, [](SmallLedger* ledger) {
    ledger->NewMany(12);
    ledger->DeleteOldest(8);
  });
}
TEST_F(SingleStepTest, DeleteThatIsAThreadsFirstCallHere) {
  Interrupt<SmallTraits>(Call::kDelete, Caller::kNewHere, &OneMore);
}
TEST_F(SingleStepTest, DeleteThatIsAThreadsFirstCall) {
  Interrupt<SmallTraits>(Call::kDelete, Caller::kNewborn, &OneMore);
}
TEST_F(SingleStepTest, DeleteOfAnUncachedCaller) {
  Interrupt<SmallTraits>(Call::kDelete, Caller::kUncached, &OneMore);
}
TEST_F(SingleStepTest, DeleteOfAStaleHandle) {
  Interrupt<SmallTraits>(Call::kDelete, Caller::kOld, [](SmallLedger* ledger) {
    ledger->NewMany(1);
    ledger->DeleteOldest(1);
  });
}
TEST_F(SingleStepTest, DeleteBatchThatNamesAHandleThreeTimes) {
  Interrupt<SmallTraits>(Call::kDeleteBatch, Caller::kOld, &OneMore);
}
TEST_F(SingleStepTest, ValueOfAHandleThatIsDeletedAndItsSlotReused) {
  Interrupt<SmallTraits>(Call::kValue, Caller::kOld, &OneMore);
}

// The other free lists, and a layout without room for magazines.
template <typename Traits>
class SingleStepOfFreeListTest : public SingleStepTest {};
using OtherTraits =
    ::testing::Types<TestTraits<MagazineFreeList, HandleLayout<7, 24>>,
                     TestTraits<StripedFreeList>, TestTraits<GlobalFreeList>,
                     TestTraits<CdsFreeList>>;
TYPED_TEST_SUITE(SingleStepOfFreeListTest, OtherTraits);

TYPED_TEST(SingleStepOfFreeListTest, NewThatTakesAFreshSlot) {
  this->template Interrupt<TypeParam>(Call::kNew, Caller::kOld, &Nothing);
}
TYPED_TEST(SingleStepOfFreeListTest, NewThatReuses) {
  this->template Interrupt<TypeParam>(Call::kNew, Caller::kOld,
                                      [](Ledger<TypeParam>* ledger) {
                                        ledger->NewMany(3);
                                        ledger->DeleteOldest(2);
                                      });
}
TYPED_TEST(SingleStepOfFreeListTest, Delete) {
  this->template Interrupt<TypeParam>(Call::kDelete, Caller::kOld,
                                      [](Ledger<TypeParam>* ledger) {
                                        ledger->NewMany(3);
                                        ledger->DeleteOldest(1);
                                      });
}

// Many signals come from outside, at arbitrary instructions.
TEST(SignalStormTest, HandlersMayUseTheTableAtAnyTime) {
  if (kThreadSanitizer) {
    GTEST_SKIP() << "ThreadSanitizer delivers signals between calls only";
  }
  using Table = HandleTable<Value, ManyGenerations<SmallMagazines>>;
  static Table* shared;
  static std::atomic<unsigned> handled;
  Table table(100);
  shared = &table;
  handled = 0;
  struct sigaction action = {}, old = {};
  action.sa_handler = [](int) {
    const Handle handle = shared->New(Value::Of(1));
    const std::optional<Value> value = shared->Value(handle);
    if (value != Value::Of(1) || shared->Delete(handle) != value) std::abort();
    ++handled;
  };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  constexpr unsigned kSignals = kSanitized ? 1000 : 5000;
  const pthread_t target = pthread_self();
  std::thread sender([target] {
    // Each signal is sent after the last has been handled, so that none is
    // dropped.
    for (unsigned i = 0; i < kSignals; ++i) {
      while (handled != i) std::this_thread::yield();
      pthread_kill(target, SIGUSR1);
    }
  });
  std::uint64_t calls = 0;
  while (handled < kSignals && !HasFailure()) {
    // The level goes up and down, through refill, swap and flush.
    Handle handles[15];
    for (Handle& handle : handles) {
      handle = table.New(Value::Of(2));
      EXPECT_EQ(table.Check(handle), Status::kOk);
    }
    for (Handle handle : handles)
      EXPECT_TRUE(table.Delete(handle) == Value::Of(2));
    calls += 15;
  }
  sender.join();
  sigaction(SIGUSR1, &old, nullptr);
  const TableStats stats = table.Stats();
  EXPECT_EQ(stats.deleted, calls + kSignals);
  ExpectConservation(table);
}

// ---------------------------------------------------------------------------
// Fork

template <typename Traits>
class ForkTest : public ::testing::Test {};
using ForkTraits = ::testing::Types<
    ManyGenerations<MagazineFreeList>,
    ManyGenerations<BasicMagazineFreeList<3>>, ManyGenerations<StripedFreeList>,
    ManyGenerations<GlobalFreeList>, ManyGenerations<CdsFreeList>>;
TYPED_TEST_SUITE(ForkTest, ForkTraits);

TYPED_TEST(ForkTest, ParentAndChildGoOnWithTablesOfTheirOwn) {
  HandleTable<Word, TypeParam> table(100);
  const Handle kept = table.New(1);
  const Handle stale = table.New(2);
  ASSERT_EQ(table.Delete(stale), Word{2});
  InChild([&] {
    EXPECT_EQ(table.Value(kept), Word{1});
    EXPECT_EQ(table.Check(stale), Status::kStale);
    EXPECT_EQ(table.Delete(kept), Word{1});
    for (Word i = 0; i < 100; ++i) EXPECT_NE(table.New(i), kNullHandle);
    ExpectConservation(table);
    // Do it once more.
    InChild([&] {
      EXPECT_EQ(table.Stats().live, 100u);
      EXPECT_EQ(table.Check(kept), Status::kStale);
      HandleTable<Word, TypeParam> other(10);
      EXPECT_EQ(other.Delete(other.New(3)), Word{3});
    });
  });
  EXPECT_EQ(table.Value(kept), Word{1});
  EXPECT_EQ(table.Delete(kept), Word{1});
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

TYPED_TEST(ForkTest, TablesMadeAfterTheForkDoNotTakeEachOthersHandles) {
  if (kWordBits < 64) GTEST_SKIP() << "by chance once in 2^14 they do";
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  InChild([&] {
    HandleTable<Word, TypeParam> table(100);
    const Handle handle = table.New(1);
    EXPECT_EQ(write(ends[1], &handle, sizeof(handle)), ssize_t{sizeof(handle)});
  });
  Handle childs;
  ASSERT_EQ(read(ends[0], &childs, sizeof(childs)), ssize_t{sizeof(childs)});
  close(ends[0]);
  close(ends[1]);
  HandleTable<Word, TypeParam> table(100);
  const Handle mine = table.New(2);
  // They are equal by chance once in 2^34.
  EXPECT_NE(mine, childs);
  EXPECT_EQ(table.Value(childs), std::nullopt);
}

TYPED_TEST(ForkTest, ChildDoesWithoutTheThreadsThatRestedInTheParent) {
  constexpr unsigned kThreads = 5;
  HandleTable<Word, TypeParam> table(100);
  std::vector<Handle> handles(kThreads);
  pthread_barrier_t resting, done;
  pthread_barrier_init(&resting, nullptr, kThreads + 1);
  pthread_barrier_init(&done, nullptr, kThreads + 1);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      handles[t] = table.New(t);
      // The cache keeps some handles.
      Handle more[20];
      for (Handle& handle : more) handle = table.New(9);
      for (Handle handle : more) EXPECT_EQ(table.Delete(handle), Word{9});
      pthread_barrier_wait(&resting);
      pthread_barrier_wait(&done);
      EXPECT_EQ(table.Delete(handles[t]), Word{t});
    });
  }
  pthread_barrier_wait(&resting);
  InChild([&] {
    ExpectConservation(table);
    for (unsigned t = 0; t < kThreads; ++t)
      EXPECT_EQ(table.Delete(handles[t]), Word{t});
    for (Word i = 0; i < 100; ++i) EXPECT_NE(table.New(i), kNullHandle);
    // ThreadSanitizer allows a child of a threaded process no threads.
    if (!kThreadSanitizer) {
      std::thread([&] {
        table.ForEach([&](Handle handle, Word word) {
          EXPECT_EQ(table.Delete(handle), word);
        });
      }).join();
      EXPECT_EQ(table.Stats().live, 0u);
    }
    ExpectConservation(table);
  });
  pthread_barrier_wait(&done);
  for (std::thread& thread : threads) thread.join();
  pthread_barrier_destroy(&resting);
  pthread_barrier_destroy(&done);
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

TYPED_TEST(ForkTest, ChildDoesWithoutTheThreadsThatWereInsideCalls) {
  constexpr unsigned kThreads = 3;
  constexpr unsigned kForks = kSanitized ? 5 : 100;
  constexpr std::size_t kCapacity = 100;
  HandleTable<Word, TypeParam> table(kCapacity);
  const Handle kept = table.New(1);
  std::atomic<bool> stop{false};
  std::atomic<unsigned> started{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      ++started;
      while (!stop) {
        Handle handles[8];
        for (Handle& handle : handles) handle = table.New(t + 10);
        for (Handle handle : handles)
          EXPECT_EQ(table.Delete(handle), Word{t + 10});
      }
    });
  }
  while (started != kThreads) std::this_thread::yield();
  for (unsigned i = 0; i < kForks && !this->HasFailure(); ++i) {
    InChild([&] {
      EXPECT_EQ(table.Value(kept), Word{1});
      std::size_t live = 0;
      table.ForEach([&](Handle, Word) { ++live; });
      EXPECT_LE(live, 1 + 8 * kThreads);
      // Each thread of the parent may have held one handle at the fork, which
      // is lost in the child.
      constexpr std::size_t kRoom = kCapacity - kThreads;
      std::set<Handle> made;
      for (std::size_t k = live; k < kRoom; ++k) made.insert(table.New(2));
      EXPECT_EQ(made.size(), kRoom - live);
      EXPECT_EQ(made.count(kNullHandle), 0u);
      for (Handle handle : made) EXPECT_EQ(table.Delete(handle), Word{2});
      EXPECT_EQ(table.Delete(kept), Word{1});
    });
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table.Delete(kept), Word{1});
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

// ---------------------------------------------------------------------------
// Tables that come and go

// Tables live before main and after it.
WordTable<MagazineFreeList> early_table(10);
struct EarlyUser {
  EarlyUser() : handle(early_table.New(1)) {}
  ~EarlyUser() {
    if (early_table.Delete(handle) != Word{1} ||
        early_table.New(2) == kNullHandle) {
      std::abort();
    }
  }
  Handle handle;
} early_user;

TEST(TablesTest, StaticTableWorksBeforeMain) {
  EXPECT_EQ(early_table.Value(early_user.handle), Word{1});
}

TEST(TablesTest, TwoTablesOnTheSameThreadsAreStrangers) {
  constexpr unsigned kThreads = 4;
  constexpr unsigned kOps = kWordBits < 64 ? 1000 : kSanitized ? 2000 : 50000;
  using Table = WordTable<SmallMagazines>;
  Table a(1000);
  // A table's first generation is random. Here they are so far apart that they
  // cannot meet by chance.
  const auto generation = [](Handle handle) {
    return DefaultLayout::Generation::Decode(static_cast<Word>(handle));
  };
  const Word of_first = generation(a.New(0));
  std::optional<Table> other;
  Word distance;
  do {
    other.emplace(1000);
    const Word of_second = generation(other->New(0));
    distance =
        of_first < of_second ? of_second - of_first : of_first - of_second;
  } while (distance <= kThreads * kOps);
  Table& b = *other;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < kOps; ++i) {
        const Handle of_a = a.New(t);
        const Handle of_b = b.New(t + 100);
        ASSERT_EQ(a.Value(of_b), std::nullopt);
        ASSERT_EQ(b.Delete(of_a), std::nullopt);
        ASSERT_EQ(a.Delete(of_a), Word{t});
        ASSERT_EQ(b.Delete(of_b), Word{t + 100});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto* table : {&a, &b}) {
    EXPECT_EQ(table->Stats().created, 1 + kThreads * kOps);
    EXPECT_EQ(table->Stats().live, 1u);
    ExpectConservation(*table);
  }
}

// Returns the text of a file in /proc without allocating, because memory is
// measured.
class ProcFile {
 public:
  explicit ProcFile(const char* path) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    EXPECT_GE(file, 0) << path;
    std::size_t size = 0;
    ssize_t got;
    while (size + 1 < sizeof(text_) &&
           (got = read(file, text_ + size, sizeof(text_) - 1 - size)) > 0)
      size += static_cast<std::size_t>(got);
    close(file);
    text_[size] = 0;
  }

  // Returns the number behind `label`.
  std::size_t Number(const char* label) const {
    const char* found = std::strstr(text_, label);
    EXPECT_NE(found, nullptr) << label;
    return found == nullptr
               ? 0
               : std::strtoull(found + std::strlen(label), nullptr, 10);
  }

 private:
  char text_[1 << 12];
};

std::size_t AddressSpaceKiB() {
  return ProcFile("/proc/self/status").Number("VmSize:");
}
// Returns the number of pages that belong to no file.
std::size_t AnonymousKiB() {
  return ProcFile("/proc/self/smaps_rollup").Number("Anonymous:");
}

TEST(TablesTest, TablesMayGoWhileCachesOfLiveThreadsHoldTheirSlots) {
  constexpr unsigned kThreads = 3;
  constexpr unsigned kTables = kSanitized ? 200 : 3000;
  using Table = WordTable<SmallMagazines>;
  // The table is in the same place each time.
  std::optional<Table> table;
  pthread_barrier_t made, used;
  pthread_barrier_init(&made, nullptr, kThreads + 1);
  pthread_barrier_init(&used, nullptr, kThreads + 1);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < kTables; ++i) {
        pthread_barrier_wait(&made);
        Handle handles[13];
        for (Handle& handle : handles) {
          handle = table->New(t);
          EXPECT_NE(handle, kNullHandle);
        }
        // Some handles stay live, some in the cache and some in the depot.
        for (unsigned k = 0; k < 12; ++k)
          EXPECT_EQ(table->Delete(handles[k]), Word{t});
        pthread_barrier_wait(&used);
      }
    });
  }
  std::size_t address_space = 0;
  for (unsigned i = 0; i < kTables; ++i) {
    table.emplace(100);
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&used);
    EXPECT_EQ(table->Stats().created, 13 * kThreads);
    EXPECT_EQ(table->Stats().live, kThreads);
    ExpectConservation(*table);
    table.reset();
    if (i == kTables / 2) address_space = AddressSpaceKiB();
  }
  if (!kSanitized) {
    EXPECT_LE(AddressSpaceKiB(), address_space + 1024) << "mappings leak";
  }
  for (std::thread& thread : threads) thread.join();
  pthread_barrier_destroy(&made);
  pthread_barrier_destroy(&used);
}

// ---------------------------------------------------------------------------
// Address space

template <typename FreeList>
class AddressSpaceTest : public ::testing::Test {};
using FreeLists = ::testing::Types<MagazineFreeList, StripedFreeList,
                                   GlobalFreeList, CdsFreeList>;
TYPED_TEST_SUITE(AddressSpaceTest, FreeLists);

TYPED_TEST(AddressSpaceTest, HugeTableTouchesFewPages) {
  if (kSanitized) GTEST_SKIP() << "sanitizers and emulators keep shadows";
  using Table = WordTable<TypeParam>;
  InChild([] {
    // If transparent huge pages are always on, one touch takes 2 MiB.
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    const auto growth_with = [](std::size_t capacity) {
      const std::size_t before = AnonymousKiB();
      const auto table = Table::Create(capacity);
      EXPECT_NE(table, nullptr);
      for (Word i = 0; i < 10; ++i) {
        const Handle handle = table->New(i);
        EXPECT_EQ(table->Value(handle), i);
        EXPECT_EQ(table->Delete(handle), i);
      }
      EXPECT_EQ(table->Stats().capacity, capacity);
      return AnonymousKiB() - before;
    };
    (void)growth_with(10);
    for (std::size_t capacity :
         {Table::kMaxCapacity, Table::kMaxCapacity - 1,
          Table::kMaxCapacity - Table::kMaxCapacity / 300,
          Table::kMaxCapacity / 2}) {
      EXPECT_LT(growth_with(capacity), 256u) << capacity;
    }
  });
}

TYPED_TEST(AddressSpaceTest, HugeTableReachesItsLastSlot) {
  using Table = HandleTable<Word, TestTraits<TypeParam, Layout32<18>>>;
  Table table(Table::kMaxCapacity);
  for (Word i = 0; i < Table::kMaxCapacity; ++i)
    ASSERT_NE(table.New(i), kNullHandle);
  EXPECT_EQ(table.New(0), kNullHandle);
  EXPECT_EQ(table.Stats().live, Table::kMaxCapacity);
}

// Each of the table's reservations fails in turn.
TYPED_TEST(AddressSpaceTest, RefusedReservationIsReportedAndLeaksNothing) {
  if (kSanitized) GTEST_SKIP() << "sanitizers and emulators keep shadows";
  using Table = WordTable<TypeParam>;
  InChild([] {
    constexpr std::size_t kCapacity = 10000;
    // Code that allocates at first use does so now.
    EXPECT_NE(Table::Create(kCapacity), nullptr);
    EXPECT_THROW(Table(Table::kMaxCapacity + 1), std::length_error);
    const std::size_t before = AddressSpaceKiB();
    rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    bool made = false;
    unsigned refused = 0;
    for (std::size_t more = 0; !made && refused < 1000; more += 64) {
      limit.rlim_cur = (before + more) << 10;
      EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
      made = Table::Create(kCapacity) != nullptr;
      if (made) break;
      ++refused;
      EXPECT_THROW(Table{kCapacity}, std::bad_alloc);
      EXPECT_EQ(AddressSpaceKiB(), before) << "mappings leak";
      if (::testing::Test::HasFailure()) break;
    }
    EXPECT_TRUE(made);
    EXPECT_GT(refused, 3u);
    Table table(kCapacity);
    EXPECT_EQ(table.Delete(table.New(1)), Word{1});
  });
}

}  // namespace
}  // namespace haft
