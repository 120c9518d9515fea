// Yardsticks: arms that check nothing, whose figures others are divided by.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

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

// Each look-up waits until the partner has done one: threads of index 2i and
// 2i+1 pass a cache line to and fro. A thread without a partner, or whose
// partner has ended, does not wait.
class PingPong {
  struct Line {
    // The thread whose turn it is, and a bit for each that has come and gone.
    alignas(128) std::atomic<unsigned> turn{0};
    std::atomic<unsigned> present{0};
  };

 public:
  static constexpr bool kRefusesStale = false;

  class Session {
   public:
    explicit Session(PingPong& table) {
      // relaxed: only the index is shared.
      const std::size_t index =
          table.next_.fetch_add(1, std::memory_order_relaxed);
      line_ = &table.lines_[index / 2];
      side_ = index % 2;
      line_->present.fetch_add(1, std::memory_order_relaxed);
    }
    ~Session() { line_->present.fetch_sub(1, std::memory_order_relaxed); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void Pass() {
      for (unsigned spins = 1;; ++spins) {
        // acquire and release: as a lock that is handed over.
        if (line_->turn.load(std::memory_order_acquire) == side_) break;
        if (spins % kSpins != 0) continue;
        // relaxed: nothing is read because of it.
        if (line_->present.load(std::memory_order_relaxed) != 2) return;
        std::this_thread::yield();
      }
      line_->turn.store(1 - side_, std::memory_order_release);
    }

   private:
    static constexpr unsigned kSpins = 1024;
    Line* line_;
    unsigned side_;
  };

  PingPong(std::size_t, std::size_t threads) : lines_(threads / 2 + 1) {}
  Key New(Value value) { return value; }
  bool Find(Session& session, Key key, Value* value) {
    session.Pass();
    *value = key;
    return true;
  }

 private:
  std::vector<Line> lines_;
  std::atomic<std::size_t> next_{0};
};
HAFT_STUDY_ARM("ping-pong", PingPong);

}  // namespace
