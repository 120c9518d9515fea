// Measures the cost of keeping an object alive while it is used, and of
// deleting it.

#include <cds/gc/hp.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/driver.h"
#include "bench/look_ups.h"
#include "bench/peers/cds_object_table.h"
#include "bench/tables.h"
#include "bench/updates.h"
#include "bench/yardsticks.h"
#include "haft/counted_reclamation.h"
#include "haft/object_table.h"

namespace haft::bench {
namespace {

template <typename ReclamationT>
struct PinTraits : DefaultTraits {
  using Reclamation = ReclamationT;
};

// Haft's objects. Each look-up pins, reads and unpins.
template <typename Reclamation>
class BasicPinTable {
 public:
  struct Session {
    explicit Session(BasicPinTable&) {}
  };

  explicit BasicPinTable(std::size_t capacity) : table_(capacity) {}

  Key New(Session&, Object* object) {
    return static_cast<Key>(table_.Emplace(object));
  }
  bool Find(Key key, Object** object) {
    const auto pin = table_.Pin(Handle(key));
    if (!pin) return false;
    *object = *pin;
    return true;
  }
  bool Delete(Key key) { return table_.Delete(Handle(key)) == Status::kOk; }

 protected:
  using Objects = ObjectTable<Object*, PinTraits<Reclamation>>;
  Objects table_;
};
using PinTable = BasicPinTable<HazardReclamation>;
using CountedTable = BasicPinTable<CountedReclamation>;

// The same, but all look-ups of a thread are inside one read scope.
class ScopeTable : public PinTable {
 public:
  class Session : public PinTable::Session {
   public:
    explicit Session(ScopeTable& table)
        : PinTable::Session(table), scope_(table.table_) {}
    bool Find(Key key, Object** object) const {
      Object** const found = scope_.Find(Handle(key));
      if (found == nullptr) return false;
      *object = *found;
      return true;
    }

   private:
    Objects::ReadScope scope_;
  };

  using PinTable::PinTable;
};

// An array without checks, whose elements are protected by `Protect`.
template <typename Element>
class ArrayOf {
 public:
  struct Session {
    explicit Session(ArrayOf&) {}
  };

  explicit ArrayOf(std::size_t capacity) : elements_(capacity + 1) {}

  Key New(Session&, Object* object) {
    elements_[++size_].Set(object);
    return size_;
  }
  bool Find(Key key, Object** object) { return elements_[key].Read(object); }

 private:
  std::vector<Element> elements_;
  std::size_t size_ = 0;
};

// A shared_ptr that is copied for each use.
class Counted {
 public:
  void Set(Object* object) { pointer_ = std::make_shared<Object*>(object); }
  bool Read(Object** object) const {
    const std::shared_ptr<Object*> copy = pointer_;
    *object = *copy;
    return true;
  }

 private:
  std::shared_ptr<Object*> pointer_;
};

// A pointer that is guarded by libcds's hazard pointers for each use.
class Guarded {
 public:
  void Set(Object* object) { pointer_ = object; }
  bool Read(Object** object) const {
    cds::gc::HP::Guard guard;
    *object = guard.protect(pointer_);
    return true;
  }

 private:
  std::atomic<Object*> pointer_{nullptr};
};

struct CdsThread {
  CdsThread() { cds::threading::Manager::attachThread(); }
  ~CdsThread() { cds::threading::Manager::detachThread(); }
};
class GuardedArray : public ArrayOf<Guarded> {
 public:
  struct Session : ArrayOf<Guarded>::Session {
    explicit Session(GuardedArray& table) : ArrayOf<Guarded>::Session(table) {}
    CdsThread thread;
  };
  using ArrayOf<Guarded>::ArrayOf;
  Key New(Session& session, Object* object) {
    return ArrayOf<Guarded>::New(session, object);
  }
};

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

constexpr char kCas[] = "one uncontended CAS";
using Haft = HaftTable<MagazineFreeList>;

template <typename Table>
using Uniform = LookUps<Table, kThousand, Which::kUniform>;
template <typename Table>
using Hot = LookUps<Table, kThousand, Which::kHot>;

template <template <typename> class Workload>
void AddPins(Rows& rows) {
  rows.AddYardstick<OneCas>(kCas);
  rows.Add<Workload<PinTable>>("Haft pin + unpin");
  rows.Add<Workload<CountedTable>>("Haft, count in the slot");
  rows.Add<Workload<CdsObjectTable>>("HandleTable, libcds DHP");
  rows.Add<Workload<ScopeTable>>("Haft inside a read scope");
  rows.Add<Workload<Haft>>("HandleTable::Value, unprotected");
  rows.Add<Workload<ArrayOf<Counted>>>("array of shared_ptr, copied");
  rows.Add<Workload<GuardedArray>>("array, libcds HP guard each");
}

constexpr Study kStudies[] = {
    {"hot", "use one object, the same for all threads", &AddPins<Hot>, false},
    {"uniform", "use any of 1,000 objects", &AddPins<Uniform>, false},
    {"scope", "look-up of any of 1,000",
     [](Rows& rows) {
       rows.AddYardstick<Uniform<Haft>>("HandleTable::Value, unprotected");
       rows.Add<Uniform<ScopeTable>>("Haft inside a read scope");
     },
     false},
    {"churn", "make and delete one object",
     [](Rows& rows) {
       rows.AddYardstick<OneCas>(kCas);
       rows.Add<Churn<Haft, false>>("HandleTable");
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
};

}  // namespace
}  // namespace haft::bench

int main(int argc, char** argv) {
  using haft::bench::kStudies;
  return haft::bench::RunStudies(argc, argv, std::begin(kStudies),
                                 std::end(kStudies));
}
