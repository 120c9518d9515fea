// Measures the cost of keeping an object alive while it is used, and of
// deleting it.

#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/c_tables.h"
#include "bench/driver.h"
#include "bench/filling.h"
#include "bench/first_handle.h"
#include "bench/latencies.h"
#include "bench/look_ups.h"
#include "bench/object_tables.h"
#include "bench/peers/cds_object_table.h"
#include "bench/pinned_deletes.h"
#include "bench/protected_arrays.h"
#include "bench/steady.h"
#include "bench/tables.h"
#include "bench/updates.h"
#include "bench/worker/clock.h"
#include "bench/yardsticks.h"

namespace haft::bench {
namespace {

// New and Delete beside `kIdle` threads, each of which has pinned an object
// once.
template <std::size_t kIdle>
class ChurnBesideIdle : public Churn<PinTable, false> {
 public:
  // Not kept, because the idle threads of several rows would be more than there
  // are thread indices.
  static constexpr bool kKeep = false;

  explicit ChurnBesideIdle(int threads) : Churn<PinTable, false>(threads) {
    std::mutex mutex;
    std::condition_variable started;
    std::size_t count = 0;
    for (std::size_t i = 0; i < kIdle; ++i) {
      threads_.emplace_back([&, this] {
        Object* object;
        PinTable::Session session(this->stock_.table);
        this->stock_.table.Find(this->stock_.keys[0], &object);
        std::unique_lock<std::mutex> lock(mutex_);
        {
          const std::lock_guard<std::mutex> counting(mutex);
          ++count;
          started.notify_one();
        }
        end_.wait(lock, [this] { return ended_; });
      });
    }
    std::unique_lock<std::mutex> lock(mutex);
    started.wait(lock, [&] { return count == kIdle; });
  }
  ~ChurnBesideIdle() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    end_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

// A HandleTable whose New and Delete are called, as by a program that wraps
// them in functions of its own.
class CalledTable : public HaftTable<MagazineFreeList> {
 public:
  using HaftTable::HaftTable;
  [[gnu::noinline]] Key New(Session& session, Object* object) {
    return HaftTable::New(session, object);
  }
  [[gnu::noinline]] bool Delete(Key key) { return HaftTable::Delete(key); }
};

constexpr char kCas[] = "one uncontended CAS";
constexpr char kArray[] = "unchecked array load";
constexpr char kValue[] = "HandleTable::Value, unprotected";
constexpr int kGuard = 128;  // look-ups of one guard
using Haft = HaftTable<MagazineFreeList>;

template <typename Table>
using Uniform = LookUps<Table, kThousand, Which::kUniform>;
template <typename Table>
using Hot = LookUps<Table, kThousand, Which::kHot>;
template <typename Table>
using Stale = LookUps<Table, kThousand, Which::kStale>;
template <typename Table, std::size_t kLive, int kHold>
using SteadyUniform = Steady<LookUps<Table, kLive, Which::kUniform, kHold>>;
template <typename Table, int kHold>
using Mixed1e6 = Steady<Mixed<Table, kMillion, false, kHold>>;

template <template <typename> class Workload>
void AddPins(Rows& rows) {
  rows.AddYardstick<OneCas>(kCas);
  rows.Add<Workload<PinTable>>("Haft pin + unpin");
  rows.Add<Workload<CountedTable>>("Haft, count in the slot");
  rows.Add<Workload<CPinTable>>("Haft through C, pin + unpin");
  rows.Add<Workload<CdsObjectTable>>("HandleTable, libcds DHP");
  rows.Add<Workload<ScopeTable>>("Haft inside a read scope");
  rows.Add<Workload<Haft>>(kValue);
  rows.Add<Workload<ArrayOf<Counted>>>("array of shared_ptr, copied");
  rows.Add<Workload<GuardedArray>>("array, libcds HP guard each");
}

template <std::size_t kLive>
void AddSteady(Rows& rows) {
  // More threads would take long to use a million objects.
  if (kLive > kThousand) rows.OneCpuEach();
  rows.AddYardstick<LookUps<ArrayTable, kLive, Which::kUniform>>(kArray);
  rows.Add<SteadyUniform<PinTable, kLive, 0>>("Haft pin + unpin");
  rows.Add<SteadyUniform<CountedTable, kLive, 0>>("Haft, count in the slot");
  rows.Add<SteadyUniform<ScopeTable, kLive, kGuard>>("Haft, a scope for 128");
  rows.Add<SteadyUniform<Haft, kLive, 0>>(kValue);
}

void AddFirstUses(Rows& rows) {
  // Threads that wait for a CPU would use up the objects.
  rows.OneCpuEach();
  rows.AddYardstick<FirstUses<Haft, kMillion>>(kValue);
  rows.Add<FirstUses<PinTable, kMillion>>("Haft pin + unpin");
  rows.Add<FirstUses<CountedTable, kMillion>>("Haft, count in the slot");
  rows.Add<FirstUses<ScopeTable, kMillion, kGuard>>("Haft, a scope for 128");
}

void AddMixed(Rows& rows) {
  rows.OneCpuEach();
  rows.AddYardstick<OneCas>(kCas);
  rows.Add<Mixed1e6<PinTable, 0>>("Haft pin + unpin");
  rows.Add<Mixed1e6<CountedTable, 0>>("Haft, count in the slot");
  rows.Add<Mixed1e6<ScopeTable, kGuard>>("Haft, a scope for 128");
  rows.Add<Mixed1e6<Haft, 0>>("HandleTable, unprotected");
}

void AddStale(Rows& rows) {
  rows.AddYardstick<Uniform<ArrayTable>>("unchecked array load, live");
  rows.Add<Stale<Haft>>("HandleTable::Value");
  rows.Add<Stale<PinTable>>("Haft pin");
  rows.Add<Stale<ScopeTable>>("Haft inside a read scope");
  rows.Add<Stale<CTable>>("haft_value");
  rows.Add<Stale<CPinTable>>("haft_pin_object");
}

void AddC(Rows& rows) {
  rows.AddYardstick<OneCas>(kCas);
  rows.Add<Uniform<CTable>>("haft_value");
  rows.Add<Uniform<CPinTable>>("haft_pin_object, haft_unpin");
  rows.Add<Churn<CTable, false>>("haft_new, haft_delete");
  rows.Add<Churn<CPinTable, true>>("the same, pinned in between");
}

void AddPinnedDeletes(Rows& rows) {
  rows.OneThread();
  rows.AddYardstick<OneCas>(kCas);
  rows.Add<PinnedDeletes<PinTable, Pinner::kAlone>>("by itself, alone");
  rows.Add<PinnedDeletes<PinTable, Pinner::kItself>>("by itself, other runs");
  rows.Add<PinnedDeletes<PinTable, Pinner::kOther>>("by the other");
  rows.Add<PinnedDeletes<CountedTable, Pinner::kItself>>(
      "count, by itself, other runs");
  rows.Add<PinnedDeletes<CountedTable, Pinner::kOther>>("count, by the other");
  rows.Add<PinnedDeletes<CTable, Pinner::kItself>>("C, by itself, other runs");
  rows.Add<PinnedDeletes<CTable, Pinner::kOther>>("C, by the other");
}

void AddFilling(Rows& rows) {
  rows.OneThread();
  rows.AddYardstick<Filling<UntouchedArray, kMillion>>("untouched array");
  rows.Add<Filling<Haft, kMillion>>("HandleTable");
  rows.Add<Filling<PinTable, kMillion>>("ObjectTable");
  rows.Add<Filling<COwnTable, kMillion>>("haft_table_new");
}

void AddFirstHandle(Rows& rows) {
  rows.OneThread();
  rows.AddYardstick<FirstHandle<First::kNothing>>("two looks at the clock");
  rows.Add<FirstHandle<First::kC>>("haft_new");
  rows.Add<FirstHandle<First::kCBesideThreads>>("haft_new, 3 threads sleep");
  rows.Add<FirstHandle<First::kWords>>("HandleTable and its New");
  rows.Add<FirstHandle<First::kObjects>>("ObjectTable and its Emplace");
}

void AddLatencies(Rows& rows) {
  const study::ClockFacts clock = study::MeasureClock();
  char note[128];
  std::snprintf(
      note, sizeof(note),
      "A look at the clock takes %.1f ns, and each time contains one. "
      "Its least step is %lld ns.",
      clock.cost_ns, static_cast<long long>(clock.granularity_ns));
  rows.Note(note);
  constexpr double kFactor = 10;  // or few samples would lie beyond p99.9
  rows.ShowPercentiles(kFactor);
  rows.AddYardstick<Latencies<Haft, Timed::kNothing>>("two looks at the clock");
  rows.Add<Latencies<Haft, Timed::kNew>>("HandleTable, New");
  rows.Add<Latencies<PinTable, Timed::kNew>>("ObjectTable, Emplace");
  rows.Add<Latencies<CTable, Timed::kNew>>("haft_new");
  rows.Add<Latencies<Haft, Timed::kDelete>>("HandleTable, Delete");
  rows.Add<Latencies<PinTable, Timed::kDelete>>("ObjectTable, Delete");
  rows.Add<Latencies<CTable, Timed::kDelete>>("haft_delete");
  rows.Add<Latencies<PinTable, Timed::kPin>>("ObjectTable, Pin");
  rows.Add<Latencies<CTable, Timed::kPin>>("haft_pin_object");
}

constexpr Study kStudies[] = {
    {"hot", "use one object, the same for all threads", &AddPins<Hot>, false},
    {"uniform", "use any of 1,000 objects", &AddPins<Uniform>, false},
    {"scope", "look-up of any of 1,000",
     [](Rows& rows) {
       rows.AddYardstick<Uniform<Haft>>(kValue);
       rows.Add<Uniform<ScopeTable>>("Haft inside a read scope");
     },
     false},
    {"steady 1e3", "use any of 1,000 objects, all of which it has used before",
     &AddSteady<kThousand>, false},
    {"steady 1e6",
     "use any of 1,000,000 objects, all of which it has used before",
     &AddSteady<kMillion>, false},
    {"first uses 1e6",
     "use one of 1,000,000 objects that no thread has used before",
     &AddFirstUses, false},
    {"mixed 1e6",
     "90 % use, 5 % make, 5 % delete; 1,000,000 objects, which it has used",
     &AddMixed, false},
    {"stale", "look-up of any of 1,000 deleted objects, 1,000 others live",
     &AddStale, false},
    {"churn", "make and delete one object",
     [](Rows& rows) {
       rows.AddYardstick<OneCas>(kCas);
       rows.Add<Churn<Haft, false>>("HandleTable");
       rows.Add<Churn<CalledTable, false>>("HandleTable, by functions");
       rows.Add<Churn<PinTable, false>>("ObjectTable");
       rows.Add<Churn<CountedTable, false>>("ObjectTable, count in the slot");
       rows.Add<Churn<CdsObjectTable, false>>("HandleTable, libcds DHP");
       rows.Add<Churn<PinTable, true>>("ObjectTable, pinned in between");
       rows.Add<Churn<CountedTable, true>>("count, pinned in between");
       rows.Add<Churn<CdsObjectTable, true>>("libcds DHP, pinned in between");
       rows.Add<ChurnBesideIdle<8>>("ObjectTable, 8 idle threads");
       rows.Add<ChurnBesideIdle<64>>("ObjectTable, 64 idle threads");
       rows.Add<ChurnBesideIdle<500>>("ObjectTable, 500 idle threads");
     },
     false},
    {"C", "through C, over 1,000 objects", &AddC, false},
    {"delete pinned", "Delete of an object that a thread has pinned",
     &AddPinnedDeletes, false},
    {"fill 1e6", "New, from an empty table to 1,000,000 handles", &AddFilling,
     false},
    {"first handle", "the first handle of a process", &AddFirstHandle, false},
    {"latency", "one operation by itself, beside 1,000 live handles",
     &AddLatencies, false},
};

}  // namespace
}  // namespace haft::bench

int main(int argc, char** argv) {
  if (const int status = haft::bench::MaybeRunFirst(argc, argv); status >= 0)
    return status;
  using haft::bench::kStudies;
  return haft::bench::RunStudies(argc, argv, std::begin(kStudies),
                                 std::end(kStudies));
}
