// The set of threads that have used an object.

#ifndef HAFT_INTERNAL_RECLAMATION_USER_SET_H_
#define HAFT_INTERNAL_RECLAMATION_USER_SET_H_

#include <limits>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A word in each slot names the threads that have ever used its present object:
//
//   [ others : 32 | counted : 1 | first : 31 ]  (16, 1, 15 of a 32-bit word)
//
// `first` is the thread index of the first user, plus one; 0 if there is none.
// `counted` tells that some pins of the object may be counted (PinCounts).
// `others` is a bitmap of the other users: bit i stands for all thread indices
// congruent to i. The set costs each thread one write in the object's life. It
// tells the deleter whose hazard cells to look at: mostly no thread's, or its
// own.
//
// Zero bytes are the empty set. A thread that still holds an earlier handle of
// the slot may add itself; its cells are then examined needlessly.
class UserSet {
 public:
  // A thread in the form in which it is written into a set. A loop computes it
  // once.
  class Member {
   public:
    explicit Member(unsigned index) noexcept
        : first_(index + 1), other_(Word{1} << (kGroups + index % kGroups)) {}

   private:
    friend class UserSet;
    Word first_, other_;
  };

  // Empties the set. For the thread that is about to publish the slot's next
  // handle. A thread with an earlier handle may add itself before or after.
  void Clear() noexcept {
    // relaxed: [O1] publishes it.
    word_.store(0, std::memory_order_relaxed);
  }

  // Whether the set contains a thread that has seen by [O10] that its handle is
  // live, and is about to look at the state again by [O2].
  //   Progress  wait-free
  bool Has(Member thread) const noexcept {
    // [U1] seq_cst: before [O2]. Either that sees that the handle has ended, or
    // the thread that ended it finds this thread by [U2].
    const Word users = word_.load(std::memory_order_seq_cst);
    // There is no branch between the two because which of them holds changes
    // from object to object.
    const Word mine =
        (users & thread.other_) | Word{(users & kFirstMask) == thread.first_};
    return mine != 0;
  }
  // Adds such a thread. A read-modify-write in any case: a deleter that finds
  // the thread by it also sees what the thread has written before.
  //   Progress  wait-free
  void Add(Member thread) noexcept {
    // relaxed: a hint.
    Word users = word_.load(std::memory_order_relaxed);
    // [U3] seq_cst, both: before [O2], as [U1], and after [P8]. relaxed on
    // failure: another thread has become the first.
    if (users != 0 || !word_.compare_exchange_strong(
                          users, thread.first_, std::memory_order_seq_cst,
                          std::memory_order_relaxed)) {
      word_.fetch_or(thread.other_, std::memory_order_seq_cst);
    }
  }
  // Notes that a thread counts its pin.
  void AddCounted() noexcept {
    // As [U1], both.
    if ((word_.load(std::memory_order_seq_cst) & kCounted) == 0)
      word_.fetch_or(kCounted, std::memory_order_seq_cst);
  }
  // Has and Add in one, for a thread that adds itself to many sets: the check
  // is shorter, but the deleter may have to look at more threads.
  void AddAsOther(Member thread) noexcept {
    // As [U1], both.
    if ((word_.load(std::memory_order_seq_cst) & thread.other_) == 0)
      word_.fetch_or(thread.other_, std::memory_order_seq_cst);
  }

  // The users at one moment.
  class Users {
   public:
    bool empty() const noexcept { return users_ == 0; }
    // Whether pins may be counted.
    bool are_counted() const noexcept { return (users_ & kCounted) != 0; }

    // Calls f(index) for each index of `registry` that may be among them, until
    // f returns true.
    template <typename F>
    void ForEach(const ThreadRegistry& registry, F&& f) const {
      // There may be others without a first: holders of an earlier handle, see
      // above.
      const unsigned first = static_cast<unsigned>(users_ & kFirstMask) - 1;
      if (first != kNobody && f(first)) return;
      Word others = users_ >> kGroups;
      if (__builtin_expect(others == 0, 1)) return;
      const unsigned reach = registry.Reach();
      for (; others != 0; others &= others - 1) {
        for (unsigned index = CountTrailingZeros(others); index <= reach;
             index += kGroups) {
          if (index != first && f(index)) return;
        }
      }
    }

   private:
    friend class UserSet;
    explicit Users(Word users) noexcept : users_(users) {}

    const Word users_;
  };

  // Returns the users. The answer covers every thread that found a handle live,
  // if the caller has ended or frozen that handle by a seq_cst operation.
  Users Read() const noexcept {
    // [U2] seq_cst: after the caller's end of the handle ([O3], [O4]); partner
    // of [U1].
    return Users(word_.load(std::memory_order_seq_cst));
  }

 private:
  static constexpr unsigned kGroups = std::numeric_limits<Word>::digits / 2;
  static constexpr Word kCounted = Word{1} << (kGroups - 1);
  static constexpr Word kFirstMask = kCounted - 1;
  static_assert(sync::kMaxThreads < kFirstMask);
  static constexpr unsigned kNobody = ~0u;

  static unsigned CountTrailingZeros(Word word) noexcept {
    return static_cast<unsigned>(__builtin_ctzll(word));
  }

  sync::Atomic<Word> word_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_RECLAMATION_USER_SET_H_
