// The ready-made handles that a Trim has collected, by slot.

#ifndef HAFT_INTERNAL_FREE_LIST_COLLECTED_HANDLES_H_
#define HAFT_INTERNAL_FREE_LIST_COLLECTED_HANDLES_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// One more place where ready-made handles wait, beside the free list, while a
// Trim is under way. One thread at a time, the *trimmer*, puts handles there.
// Any other thread may steal them, if it finds none elsewhere. It has one word
// for each slot:
//
//   0              the handle is not here
//   the handle     any thread may take it
//   with the lowest bit clear: the trimmer has claimed it, and no other thread
//                  may take it
//
// If a fork leaves the trimmer behind, then the handles stay in the child's
// copy. They can be stolen there as before, and the child's first Trim goes on
// with them.
class CollectedHandles {
 public:
  // `range` is a power of two: bits 1 to log2(range) of a handle are the number
  // of its slot.
  explicit CollectedHandles(std::size_t range) noexcept
      : words_(range),
        mask_(range - 1),
        registry_(&ThreadRegistry::OfThisCopy()) {}

  bool ok() const noexcept { return words_.ok(); }

  // Makes the caller the trimmer.
  //   Returns   false if another call is
  //   Progress  wait-free; O(slots) after a fork that left a trimmer behind
  bool Begin() noexcept {
    registry_->Claim();
    // relaxed: the CAS decides.
    std::uint64_t owner = owner_.load(std::memory_order_relaxed);
    const bool is_left = owner != 0;
    if (is_left && !registry_->IsAbsent(owner)) return false;
    // [H7] acquire: the last trimmer has left the words all 0; partner of [H8].
    if (!owner_.compare_exchange_strong(owner, registry_->Identity(),
                                        std::memory_order_acquire,
                                        std::memory_order_relaxed))
      return false;
    SetEpoch((Epoch() + 2) | 1);
    if (is_left) {
      for (std::size_t i = 0; i < end(); ++i) Unclaim(i);
    }
    return true;
  }

  // For the trimmer. Wait-free, all of them.

  // Adds a handle.
  void Put(Word handle) noexcept {
    const std::size_t i = handle >> 1 & mask_;
    // relaxed: [H2] publishes it.
    if (i >= end()) end_.store(i + 1, std::memory_order_relaxed);
    // [H1] release: what precedes the push of the handle happens before what
    // its thief does; partner of [H3].
    words_[i].store(handle, std::memory_order_release);
    SetEpoch(Epoch() + 2);
  }

  // Takes the handle of slot i from the reach of the others, and leaves it
  // here.
  //   Returns   the handle; 0 if it is not here
  Word Claim(std::size_t i) noexcept { return Replace(i, ~kClaimed); }
  // Undoes Claim.
  void Unclaim(std::size_t i) noexcept {
    // relaxed: no other thread changes a claimed word.
    const Word word = words_[i].load(std::memory_order_relaxed);
    if (word == 0) return;
    // As [H1] in Put.
    words_[i].store(word | kFree, std::memory_order_release);
    SetEpoch(Epoch() + 2);
  }
  // Returns the handle of slot i, which is claimed.
  Word Claimed(std::size_t i) const noexcept {
    // relaxed: as in Unclaim.
    return words_[i].load(std::memory_order_relaxed) | kFree;
  }
  // Takes the handle of slot i out, or returns 0.
  Word Take(std::size_t i) noexcept { return Replace(i, 0); }

  // The handles that were ever put have slots below this one. It never goes
  // back: a thief that has read an old epoch would else look at too few words.
  std::size_t end() const noexcept {
    // relaxed: the trimmer's own; a thief has it from [H4].
    return end_.load(std::memory_order_relaxed);
  }

  // Gives the memory back; the words are all 0. The caller is no longer the
  // trimmer.
  void End() noexcept {
    const std::size_t page = sync::PageSize();
    const std::size_t bytes = end() * sizeof(words_[0]);
    // The last page may be larger than the rest of the array, which is mapped
    // as whole pages.
    if (bytes != 0)
      (void)sync::DropPages(words_.data(), (bytes + page - 1) / page * page);
    SetEpoch(Epoch() + 1);
    // [H8] release: partner of [H7].
    owner_.store(0, std::memory_order_release);
  }

  // For a thread that looks for a handle. A thread has proved that there was a
  // moment without one if
  //   1. it has read the epoch,
  //   2. Steal(epoch) has found none,
  //   3. after that, the free list was empty at one moment, and
  //   4. the epoch is still the same.
  // Then no handle was put or unclaimed between 1 and 4, so each that is here
  // at that moment was here at step 2, and claimed. (A handle is also out of
  // reach from its pop to the end of Put, and between Take and its push.)

  // Returns a number that Begin, Put, Unclaim and End advance; 0 if no Trim has
  // ever begun.
  std::uint64_t Epoch() const noexcept {
    // [H4] acquire: the words that were written before [H2].
    return epoch_.load(std::memory_order_acquire);
  }
  // Steals a handle, or returns 0.
  //   Progress  wait-free; O(slots), and one load while nobody trims
  Word Steal(std::uint64_t epoch) noexcept {
    if ((epoch & kActive) == 0) return 0;
    const std::size_t count = end();
    // relaxed, both: a hint.
    const std::size_t start = hint_.load(std::memory_order_relaxed);
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t i = start + n < count ? start + n : (start + n) % count;
      if (const Word handle = Replace(i, 0)) {
        hint_.store(i + 1, std::memory_order_relaxed);
        return handle;
      }
    }
    return 0;
  }

  // Calls f(handle) for every handle. It is exact only if no thread is inside a
  // call.
  template <typename F>
  void ForEach(F&& f) const {
    for (std::size_t i = 0; i < end(); ++i) {
      // relaxed: no thread is inside a call.
      if (const Word word = words_[i].load(std::memory_order_relaxed))
        f(word | kFree);
    }
  }

  // Replaces every handle by f(handle), of the same slot. No other thread may
  // be inside a call.
  template <typename F>
  void Replace(F&& f) noexcept {
    for (std::size_t i = 0; i < end(); ++i) {
      // relaxed, both: no other thread is inside a call.
      const Word word = words_[i].load(std::memory_order_relaxed);
      if (word == 0) continue;
      const Word handle = f(word | kFree);
      words_[i].store((word & kFree) != 0 ? handle : handle & ~kClaimed,
                      std::memory_order_relaxed);
    }
  }

 private:
  // The lowest bit of each handle is set.
  static constexpr Word kFree = 1;
  static constexpr Word kClaimed = 1;
  // The bit of an epoch which says that a trimmer is at work.
  static constexpr std::uint64_t kActive = 1;

  // Replaces the handle of slot i by those of its bits that are in `mask`.
  //   Returns   the handle; 0 if it is not here, or claimed
  Word Replace(std::size_t i, Word mask) noexcept {
    for (;;) {
      // [H3] acquire: partner of [H1]; and if the handle is gone, sees what
      // precedes the [H9] that took it.
      Word handle = words_[i].load(std::memory_order_acquire);
      if ((handle & kFree) == 0) return 0;
      // [H9] acq_rel: as a release, a thread whose [H3] does not find the
      // handle any more sees what this thread has pushed, put and unclaimed
      // before. Also acquire, as [H3], because the handle may have been claimed
      // and unclaimed since, and its page dropped. relaxed on failure: the word
      // is read again.
      if (words_[i].compare_exchange_weak(handle, handle & mask,
                                          std::memory_order_acq_rel,
                                          std::memory_order_relaxed))
        return handle;
    }
  }

  void SetEpoch(std::uint64_t epoch) noexcept {
    // [H2] release: the words before it; partner of [H4].
    epoch_.store(epoch, std::memory_order_release);
  }

  ReservedArray<sync::Atomic<Word>> words_;
  const std::size_t mask_;
  ThreadRegistry* const registry_;
  alignas(128) sync::Atomic<std::uint64_t> epoch_{0};
  // The trimmer's Identity, or 0. kActive does not do: a child of a fork must
  // know whether the trimmer is one of its threads.
  sync::Atomic<std::uint64_t> owner_{0};
  sync::Atomic<std::size_t> end_{0};
  sync::Atomic<std::size_t> hint_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_COLLECTED_HANDLES_H_
