// Which threads may be using an object.

#ifndef HAFT_USER_SET_H_
#define HAFT_USER_SET_H_

#include <limits>

#include "haft/handle.h"
#include "haft/sync.h"
#include "haft/thread_registry.h"

namespace haft::internal {

// A word in each slot: the threads that have used its present object, ever. It
// costs each of them one write in the object's life, and tells the one who
// deletes the object whose hazard records to look at: mostly nobody's. A bit
// stands for all thread indices with the same remainder.
//
// All zero it is empty. A thread that still holds an earlier handle of the slot
// may add itself; then it is looked at for nothing.
class UserSet {
 public:
  // For the one who is about to publish the slot's next handle.
  void Clear() noexcept {
    // relaxed: [O1] publishes it.
    word_.store(0, std::memory_order_relaxed);
  }

  // Adds the thread of `index`, which has seen by [O10] that its handle is
  // live, before it looks at that again by [O2].
  void Add(unsigned index) noexcept {
    const Word bit = Word{1} << index % kBits;
    // [U1] seq_cst, both: before [O2]. Either that sees that the handle has
    // ended, or the one who ended it finds the thread here by [U2].
    if ((word_.load(std::memory_order_seq_cst) & bit) == 0)
      word_.fetch_or(bit, std::memory_order_seq_cst);
  }

  // Calls f(index) for each index there can be in the set, until it returns
  // true.
  //   Cost      one load when the set is empty
  template <typename F>
  void ForEach(F&& f) const {
    // [U2] seq_cst: after the caller's end of the handle ([O3], [O4]); partner
    // of [U1].
    Word users = word_.load(std::memory_order_seq_cst);
    if (__builtin_expect(users == 0, 1)) return;
    const unsigned reach = ThreadRegistry::Reach();
    for (; users != 0; users &= users - 1) {
      for (unsigned index = CountTrailingZeros(users); index <= reach;
           index += kBits) {
        if (f(index)) return;
      }
    }
  }

 private:
  static constexpr unsigned kBits = std::numeric_limits<Word>::digits;

  static unsigned CountTrailingZeros(Word word) noexcept {
    return static_cast<unsigned>(__builtin_ctzll(word));
  }

  sync::Atomic<Word> word_;
};

}  // namespace haft::internal

#endif  // HAFT_USER_SET_H_
