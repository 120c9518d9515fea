// Yardsticks: arms that check nothing, whose figures others are divided by.

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "bench/arms/ping_pong.h"
#include "bench/worker/values.h"
#include "haft_study/arm.h"

namespace {

// The key is an index into an array. It has no Delete, because an array cannot
// tell which of its elements are free.
class Array {
 public:
  static constexpr bool kRefusesStale = false;

  explicit Array(std::size_t capacity) : values_(capacity + 1) {}
  Key New(Value value) {
    // relaxed: only the index is shared.
    const Key key = next_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (key >= values_.size()) return kNoKey;
    values_[key] = value;
    return key;
  }
  bool Find(Key key, Value* value) {
    *value = values_[key];
    return true;
  }

 private:
  std::vector<Value> values_;
  std::atomic<Key> next_{0};
};
HAFT_STUDY_ARM("array", Array);

// Each look-up reads kReads words on cache lines that its core has. After each
// it does a test and two operations, of which each waits for the last, because
// accesses are never alone: tables mask and compare. Reads alone would overlap,
// several in a cycle.
class Hits {
 public:
  static constexpr bool kRefusesStale = false;
  static constexpr std::size_t kReads = 16;  // as in bench/study/calibrate.py

  struct Session {
    explicit Session(Hits&) {}
    struct alignas(64) Line {
      std::atomic<std::uintptr_t> word{0};
    };
    Line lines[kReads];
  };

  explicit Hits(std::size_t) {}
  Key New(Value value) { return value; }
  bool Find(Session& session, Key key, Value* value) {
    std::uintptr_t sum = key;
// Unrolled, so that the loop's own jumps take no time.
#pragma GCC unroll 16
    for (const Session::Line& line : session.lines) {
      if (line.word.load(std::memory_order_acquire) != 0) return false;
      sum = (sum + kMask) ^ kMask;
      asm volatile("" : "+r"(sum));
    }
    haft::study::Use(sum);
    *value = key;
    return true;
  }

 private:
  static constexpr std::uintptr_t kMask = 0x5555;
};
HAFT_STUDY_ARM("hits", Hits);

// The key is the value, and nothing is stored.
struct NoTable {
  static constexpr bool kRefusesStale = false;

  explicit NoTable(std::size_t) {}
  Key New(Value value) { return value; }
  bool Find(Key key, Value* value) {
    *value = key;
    return true;
  }
  bool Delete(Key) { return true; }
};

// Each look-up is a system call that does nothing.
struct SystemCall : NoTable {
  using NoTable::NoTable;
  bool Find(Key key, Value* value) {
    syscall(SYS_getppid);
    return NoTable::Find(key, value);
  }
};
HAFT_STUDY_ARM("system-call", SystemCall);

// Each look-up offers the CPU to other threads, of which there are none.
struct Yield : NoTable {
  using NoTable::NoTable;
  bool Find(Key key, Value* value) {
    std::this_thread::yield();
    return NoTable::Find(key, value);
  }
};
HAFT_STUDY_ARM("yield", Yield);

// Stats is a barrier for all threads of the process, which the system carries
// out. Reclamation uses one where its readers use none.
struct Membarrier : NoTable {
  explicit Membarrier(std::size_t capacity) : NoTable(capacity) {
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                0) != 0)
      std::abort();
  }
  int Stats() {
    return static_cast<int>(
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  }
};
HAFT_STUDY_ARM("membarrier", Membarrier);

// The key is the address of a value on the heap.
struct Pointer {
  static constexpr bool kRefusesStale = false;

  explicit Pointer(std::size_t) {}
  Key New(Value value) {
    auto key = reinterpret_cast<Key>(new Value(value));
    // Or the compiler would see the delete, and leave both out.
    asm volatile("" : "+r"(key) : : "memory");
    return key;
  }
  bool Find(Key key, Value* value) {
    *value = *reinterpret_cast<const Value*>(key);
    return true;
  }
  bool Delete(Key key) {
    delete reinterpret_cast<Value*>(key);
    return true;
  }
};
HAFT_STUDY_ARM("pointer", Pointer);

// Each call is one read-modify-write, and the key is the value.
template <typename Word>
struct OneOperation {
  struct Session {
    explicit Session(OneOperation& table) : word(table.shared) {}
    Word word;
  };

  static constexpr bool kRefusesStale = false;

  explicit OneOperation(std::size_t) {}
  Key New(Session& session, Value value) {
    session.word.Modify();
    return value;
  }
  bool Find(Session& session, Key key, Value* value) {
    session.word.Modify();
    *value = key;
    return true;
  }
  bool Delete(Session& session, Key) {
    session.word.Modify();
    return true;
  }

  typename Word::Shared shared;
};

// A compare-and-swap that succeeds, on a cache line of the thread's own.
class OwnCas {
 public:
  struct Shared {};
  explicit OwnCas(Shared&) {}
  void Modify() {
    std::uintptr_t expected = value_;
    word_.compare_exchange_strong(expected, value_ + 1,
                                  std::memory_order_acq_rel,
                                  std::memory_order_relaxed);
    ++value_;
  }

 private:
  alignas(128) std::atomic<std::uintptr_t> word_{0};
  std::uintptr_t value_ = 0;
};
HAFT_STUDY_ARM("cas", OneOperation<OwnCas>);

// An addition to a word of all threads.
class SharedAdd {
 public:
  struct Shared {
    alignas(128) std::atomic<std::uintptr_t> word{0};
  };
  explicit SharedAdd(Shared& shared) : word_(shared.word) {}
  void Modify() { word_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  std::atomic<std::uintptr_t>& word_;
};
HAFT_STUDY_ARM("fetch-add", OneOperation<SharedAdd>);

HAFT_STUDY_ARM("ping-pong", haft::study::PingPong);
HAFT_STUDY_ARM("relay", haft::study::Relay);

}  // namespace
