// A recorder of the calls that threads make to a table: one log for each
// thread, with time stamps that compare across cores.

#ifndef TESTS_SUPPORT_HISTORY_H_
#define TESTS_SUPPORT_HISTORY_H_

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "haft/handle.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace haft::testing {

using Stamp = std::uint64_t;
inline constexpr Stamp kNever = ~Stamp{0};

// The kinds of operations, by outcome. Operations that say the same about a
// handle are of one kind.
enum class Op : std::uint8_t {
  kNew,     // made the handle, with the value
  kFull,    // made none, because the table was full; no handle
  kHit,     // found the handle live
  kMiss,    // refused the handle
  kDelete,  // ended the handle
  // The following occur in object tables only.
  kPin,      // found the handle live, and holds the object until a kUnpin
  kPinMiss,  // refused the handle, but may have held the object for a moment
  kUnpin,    // one kPin's end
  kDeleteAtOnce,  // as kDelete, and the object was destroyed before it returned
  kRefuseInUse,   // found the handle live, and in use
  kDestroy,       // the destructor, by its object's value; no handle
  kScope,         // a read scope, from its beginning to its end; no handle
};

// One operation. It took effect at some moment from `begin` to `end`.
struct Event {
  // The operation returned no value; the operation returned a value that no New
  // has made.
  static constexpr std::uint32_t kNoValue = ~std::uint32_t{0};
  static constexpr std::uint32_t kTornValue = kNoValue - 1;

  Stamp begin;
  Stamp end;
  Word handle;
  std::uint32_t value;
  std::uint16_t thread;
  Op op;
};

// A value of two words that match, so that a mixture of two values is noticed.
struct Sealed {
  static constexpr Word kSeal = static_cast<Word>(0x9e3779b97f4a7c15u);

  Sealed() = default;
  explicit Sealed(std::uint32_t value) : id(value), seal(value * kSeal) {}
  std::uint32_t value() const {
    const bool whole = id < Event::kTornValue && seal == id * kSeal;
    return whole ? static_cast<std::uint32_t>(id) : Event::kTornValue;
  }

  Word id, seal;
};

// Whether the stamp after an operation waits until the thread's stores have
// left its store buffer. The wait makes the end of each interval exact, but it
// also orders accesses that the code under test forgot to order. Without it the
// end of a New is unknown: others may see the handle only when they find it.
enum class Fences { kFull, kNone };

// A clock whose stamps compare across threads as the moments at which they were
// taken. It is the processor's time-stamp counter if that is synchronised
// between cores, and the system clock otherwise.
class Clock {
 public:
  explicit Clock(Fences fences) : has_counter_(HasCounter()), fences_(fences) {}

  // Returns a stamp that is not later than the operations that follow in the
  // program.
  Stamp Before() const noexcept {
#if defined(__x86_64__) || defined(__i386__)
    if (has_counter_) {
      const Stamp stamp = __builtin_ia32_rdtsc();
      asm volatile("lfence" ::: "memory");
      return stamp;
    }
#endif
    const Stamp stamp = SystemTime();
    __sync_synchronize();
    return stamp;
  }

  // Returns a stamp that is not earlier than the operations that precede it in
  // the program.
  Stamp After() const noexcept {
#if defined(__x86_64__) || defined(__i386__)
    if (has_counter_) {
      // The counter does not wait for stores, and waits for loads only as
      // lfence does.
      if (fences_ == Fences::kFull) asm volatile("mfence" ::: "memory");
      asm volatile("lfence" ::: "memory");
      return __builtin_ia32_rdtsc();
    }
#endif
    __sync_synchronize();
    return SystemTime();
  }

  bool has_counter() const { return has_counter_; }
  Fences fences() const { return fences_; }

 private:
  static Stamp SystemTime() noexcept {
    return static_cast<Stamp>(
        std::chrono::steady_clock::now().time_since_epoch().count());
  }

  static bool HasCounter() {
#if defined(__x86_64__) || defined(__i386__)
    static const bool good = IsInvariant() && AgreesAcrossCores();
    return good;
#else
    return false;
#endif
  }

#if defined(__x86_64__) || defined(__i386__)
  static bool IsInvariant() {
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
  }

  // Returns whether stamps never decrease while control goes back and forth
  // between the first core and each other core.
  static bool AgreesAcrossCores() {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return false;
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &allowed)) cores.push_back(core);
    }
    for (std::size_t i = 1; i < cores.size(); ++i) {
      if (!Agree(cores[0], cores[i])) return false;
    }
    return true;
  }
  static bool Agree(int first, int second) {
    constexpr unsigned kPasses = 400;
    std::atomic<unsigned> turn{0};
    std::atomic<bool> agree{true};
    std::atomic<Stamp> last{0};
    const auto play = [&](int core, unsigned parity) {
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(core, &only);
      if (sched_setaffinity(0, sizeof(only), &only) != 0) agree = false;
      for (unsigned pass = parity; pass < kPasses; pass += 2) {
        while (turn != pass) sched_yield();
        asm volatile("lfence" ::: "memory");
        const Stamp now = __builtin_ia32_rdtsc();
        if (now < last) agree = false;
        last = now;
        turn = pass + 1;
      }
    };
    std::thread a(play, first, 0), b(play, second, 1);
    a.join();
    b.join();
    return agree;
  }
#endif

  bool has_counter_;
  Fences fences_;
};

// The log of one thread. Its memory is reserved from the start, so that
// recording does not allocate.
class Log {
 public:
  Log(unsigned thread, std::size_t size, Fences fences = Fences::kFull)
      : clock_(fences),
        thread_(static_cast<std::uint16_t>(thread)),
        capacity_(size),
        events_(new Event[size]) {}

  std::size_t size() const { return size_; }
  std::size_t room() const { return capacity_ - size_; }
  const Clock& clock() const { return clock_; }
  const Event* begin() const { return events_.get(); }
  const Event* end() const { return events_.get() + size_; }

  void Add(Op op, Stamp begin, Stamp end, Word handle = 0,
           std::uint32_t value = Event::kNoValue) {
    if (room() == 0) throw std::length_error("Log: full");
    if (op == Op::kNew && clock_.fences() == Fences::kNone) end = kNever;
    events_[size_++] = {begin, end, handle, value, thread_, op};
  }

  // The operations of a table of Sealed values, each of which is logged.

  template <typename Table>
  Handle New(Table& table, std::uint32_t value) {
    const Stamp begin = clock_.Before();
    const Handle handle = table.New(Sealed(value));
    const Stamp end = clock_.After();
    if (handle == kNullHandle) {
      Add(Op::kFull, begin, end);
    } else {
      Add(Op::kNew, begin, end, static_cast<Word>(handle), value);
    }
    return handle;
  }
  template <typename Table>
  bool Value(Table& table, Handle handle) {
    const Stamp begin = clock_.Before();
    const std::optional<Sealed> value = table.Value(handle);
    return AddFound(Op::kHit, begin, handle, value);
  }
  template <typename Table>
  bool Delete(Table& table, Handle handle) {
    const Stamp begin = clock_.Before();
    const std::optional<Sealed> value = table.Delete(handle);
    return AddFound(Op::kDelete, begin, handle, value);
  }

 private:
  bool AddFound(Op op, Stamp begin, Handle handle,
                const std::optional<Sealed>& value) {
    const Stamp end = clock_.After();
    Add(value.has_value() ? op : Op::kMiss, begin, end,
        static_cast<Word>(handle),
        value.has_value() ? value->value() : Event::kNoValue);
    return value.has_value();
  }

  Clock clock_;
  std::uint16_t thread_;
  std::size_t capacity_;
  std::unique_ptr<Event[]> events_;
  std::size_t size_ = 0;
};

// Returns the events of all threads, and frees the logs.
inline std::vector<Event> Merge(std::vector<Log> logs) {
  std::size_t size = 0;
  for (const Log& log : logs) size += log.size();
  std::vector<Event> history;
  history.reserve(size);
  while (!logs.empty()) {
    history.insert(history.end(), logs.back().begin(), logs.back().end());
    logs.pop_back();
  }
  return history;
}

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_HISTORY_H_
