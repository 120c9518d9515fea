// The handle table: opaque, checked handles to values of one to a few words.

#ifndef HAFT_HANDLE_TABLE_H_
#define HAFT_HANDLE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/slot/slot_array.h"
#include "haft/internal/table/bad_handle_report.h"
#include "haft/internal/thread/thread_caches.h"
#include "haft/status.h"
#include "haft/traits.h"

namespace haft {
inline namespace HAFT_ABI {

// Figures of a table; exact when no other thread is inside a call, else each is
// a little old.
struct TableStats {
  std::size_t live;             // handles issued and not deleted
  std::uint64_t created;        // handles ever issued
  std::uint64_t deleted;        // handles ever deleted
  std::size_t exhausted_slots;  // slots that have used up their generations
  std::size_t high_water;       // slots ever taken into use, free ones included
  std::size_t capacity;  // handles that can always be live, less the exhausted
};

// Gives values of type T opaque handles and finds them again, from any number
// of threads, without locks.
//
// T is trivially copyable and small: a pointer, an index, a { pointer, type }
// pair. The table copies it in and out and owns nothing. It never reuses a
// handle, so each one refers to its own New for ever.
//
// Unless a comment says otherwise every member may be called by any thread at
// any time, also inside a signal handler, inside the destructor of a
// thread-local variable, and in the child of a fork.
template <typename T, typename Traits = DefaultTraits>
class HandleTable {
  using Layout = typename Traits::Layout;
  using FreeList = typename Traits::FreeList;
  using Slots = internal::SlotArray<internal::WordSlot<T>, Layout>;
  using State = typename Slots::State;

  static_assert(
      std::is_trivially_copyable_v<T>,
      "the table copies values as words: store a pointer to anything else");
  static_assert(
      sizeof(T) <= 8 * sizeof(Word),
      "a value is read word by word: store a pointer to anything larger");

 public:
  // How many handles the layout allows to be live at once.
  static constexpr std::size_t kMaxCapacity = Layout::kSlots;

  // A table for `capacity` live handles. It reserves address space for all and
  // touches a few pages only. A capacity close to kMaxCapacity leaves the free
  // list little room for caching and makes New and Delete slower.
  //   Errors    throws std::length_error when capacity > kMaxCapacity and
  //             std::bad_alloc when address space cannot be had; without
  //             exceptions it aborts: use Create there
  explicit HandleTable(std::size_t capacity)
      : HandleTable(capacity, Unchecked{}) {
    if (ok()) return;
#ifdef __cpp_exceptions
    if (capacity > kMaxCapacity)
      throw std::length_error(
          "haft::HandleTable: capacity exceeds the handle layout");
    throw std::bad_alloc();
#else
    internal::Fatal(capacity > kMaxCapacity
                        ? "HandleTable: capacity exceeds the handle layout"
                        : "HandleTable: no address space for the slots");
#endif
  }

  // The same without exceptions.
  //   Returns   nullptr where the constructor would throw
  static std::unique_ptr<HandleTable> Create(std::size_t capacity) noexcept {
    std::unique_ptr<HandleTable> table(new (std::nothrow)
                                           HandleTable(capacity, Unchecked{}));
    if (table != nullptr && !table->ok()) table.reset();
    return table;
  }

  // No thread may be inside a call. Handles still live die with the table.
  ~HandleTable() = default;

  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // Makes `value` reachable through a new handle.
  //   Returns   a handle never returned before; kNullHandle when the table is
  //             full (nothing has then changed)
  //   Progress  lock-free; wait-free while this thread's cache holds a handle;
  //             async-signal-safe
  //   Cost      O(1); no allocation, no system call but for a thread's first
  //             use; one cache line besides the thread's own
  //   Ordering  what precedes New happens before what follows a Value that
  //             returns this value
  //   Source    NewHandle of Go issue 37033
  [[nodiscard, gnu::always_inline]] Handle New(const T& value) noexcept {
    return caches_.With([ this, value ](auto& thread)
                            __attribute__((always_inline)) {
                              const Handle handle = this->NewIn(thread, value);
                              thread.CountCreated(handle != kNullHandle);
                              return handle;
                            });
  }

  // The value of `handle`.
  //   Returns   nothing when the handle is not live; Check says why
  //   Progress  wait-free; async-signal-safe
  //   Cost      three loads from one cache line, no write
  //   Ordering  what precedes the New of this handle happens before what
  //             follows
  //   Source    Handle.Value of Go issue 37033
  [[nodiscard]] std::optional<T> Value(Handle handle) const noexcept {
    return slots_[static_cast<Word>(handle)].Find(static_cast<Word>(handle));
  }

  // Ends `handle`: from now on every call refuses it.
  //   Returns   the value; nothing when the handle is not live. Of any number
  //             of racing Deletes exactly one gets it
  //   Progress  lock-free; wait-free while this thread's cache has room;
  //             async-signal-safe
  //   Cost      O(1); one compare-and-swap on the slot's cache line; no
  //             allocation, no system call but for a thread's first use
  //   Ordering  as Value; also before any New that uses the slot again
  //   Source    Handle.Delete of Go issue 37033
  [[gnu::always_inline]] std::optional<T> Delete(Handle handle) noexcept {
    const Ended ended = caches_.With(
        [ this, handle ](auto& thread) __attribute__((always_inline)) {
          const Ended in_cache = this->DeleteIn(thread, handle);
          thread.CountDeleted(in_cache.was_live);
          return in_cache;
        });
    if (__builtin_expect(!ended.was_live, 0)) return std::nullopt;
    return ended.words.Value();
  }

  // Why `handle` is refused, or Status::kOk. A handle of another table, an
  // earlier process or nobody is told from a stale one by its generation: with
  // the default layout the answer is wrong once in 2^34. Where generations wrap
  // (Exhaustion::kWrap), a stale handle of a slot that has wrapped since may be
  // reported as never issued.
  //   Progress  wait-free; async-signal-safe
  //   Cost      one load, no write
  [[nodiscard]] Status Check(Handle handle) const noexcept {
    return slots_.Status(static_cast<Word>(handle));
  }

  // Value and Delete for callers that hold a handle they know is live:
  // otherwise they report all that is known about the handle on stderr and
  // abort.
  [[nodiscard]] T MustValue(Handle handle) const noexcept {
    const std::optional<T> value = Value(handle);
    if (__builtin_expect(!value.has_value(), 0))
      FatalBadHandle("MustValue", handle);
    return *value;
  }
  T MustDelete(Handle handle) noexcept {
    const std::optional<T> value = Delete(handle);
    if (__builtin_expect(!value.has_value(), 0))
      FatalBadHandle("MustDelete", handle);
    return *value;
  }

  // New for each of values[0..count-1].
  //   Returns   how many it has made, handles[0] being that of values[0] and so
  //             on: fewer than `count` when the table became full
  //   Progress  as `count` times New
  //   Cost      as `count` times New, less that of entering
  //   Ordering  as New
  [[nodiscard]] std::size_t NewBatch(const T* values, std::size_t count,
                                     Handle* handles) noexcept {
    return caches_.With([this, values, count, handles](auto& thread) {
      std::size_t made = 0;
      for (; made < count; ++made) {
        const Handle handle = this->NewIn(thread, values[made]);
        if (handle == kNullHandle) break;
        handles[made] = handle;
      }
      thread.CountCreated(made);
      return made;
    });
  }

  // Delete for each of handles[0..count-1], with the slots' cache lines fetched
  // ahead: much cheaper than one by one for handles that another thread made.
  //   Returns   how many were live. If `values` is given, values[i] is what
  //             Delete(handles[i]) would have returned
  //   Progress  as `count` times Delete
  //   Cost      as `count` times Delete, less that of entering and of waiting
  //             for cache lines
  //   Ordering  as Delete
  std::size_t DeleteBatch(const Handle* handles, std::size_t count,
                          std::optional<T>* values = nullptr) noexcept {
    // About as many cache lines as a core can wait for at once.
    constexpr std::size_t kAhead = 16;
    return caches_.With([this, handles, count, values](auto& thread) {
      const auto prefetch = [this, handles, count](std::size_t i) {
        if (i < count)
          internal::sync::PrefetchForWrite(
              &slots_[static_cast<Word>(handles[i])]);
      };
      for (std::size_t i = 0; i < kAhead; ++i) prefetch(i);
      std::size_t deleted = 0;
      for (std::size_t i = 0; i < count; ++i) {
        prefetch(i + kAhead);
        const Ended ended = this->DeleteIn(thread, handles[i]);
        deleted += ended.was_live;
        if (values == nullptr) continue;
        values[i].reset();
        if (ended.was_live) values[i].emplace(ended.words.Value());
      }
      thread.CountDeleted(deleted);
      return deleted;
    });
  }

  // Calls f(handle, value) for live handles, in no particular order. Weakly
  // consistent: a handle that is live throughout is seen exactly once; one that
  // is made or deleted meanwhile may be seen or missed. f may call the table,
  // and it may return a bool: true ends the walk.
  //   Progress  wait-free but for f
  //   Cost      O(high water)
  template <typename F>
  void ForEach(F&& f) const {
    slots_.ForEachLive(
        fresh_slots_.high_water(), [&](const auto& slot, Word word) {
          const std::optional<T> value = slot.Find(word);
          return value && internal::InvokeVisitor(f, Handle(word), *value);
        });
  }

  // Figures of the table; exact when no other thread is inside a call.
  //   Progress  wait-free
  //   Cost      O(threads); no counter is shared on a hot path
  [[nodiscard]] TableStats Stats() const noexcept {
    TableStats stats{};
    stats.deleted = caches_.deleted();
    stats.created = caches_.created();
    stats.live = stats.created < stats.deleted
                     ? 0
                     : static_cast<std::size_t>(stats.created - stats.deleted);
    stats.exhausted_slots = exhausted_.load(std::memory_order_relaxed);
    stats.high_water = fresh_slots_.high_water();
    stats.capacity =
        capacity_ -
        (stats.exhausted_slots < capacity_ ? stats.exhausted_slots : capacity_);
    return stats;
  }

  // Calls f(handle) for the next handle of each free slot that was ever in use:
  // those in free lists and thread caches. For tests: with live and exhausted
  // slots they make up the high-water mark (I4). No thread may be inside a
  // call.
  template <typename F>
  void ForEachFree(F&& f) const {
    free_list_.ForEach([&](Word handle) { f(Handle(handle)); });
    caches_.ForEach([&](const typename FreeList::Cache& cache, unsigned level) {
      FreeList::ForEachCached(cache, level,
                              [&](Word handle) { f(Handle(handle)); });
    });
  }

 private:
  struct Unchecked {};

  HandleTable(std::size_t capacity, Unchecked) noexcept
      : HandleTable(capacity,
                    capacity <= kMaxCapacity
                        ? FreeList::SlotsFor(capacity, kMaxCapacity)
                        : 0,
                    Layout::FirstHandle(internal::sync::RandomWord())) {}
  HandleTable(std::size_t capacity, std::size_t slots, Word first) noexcept
      : slots_(Range(slots), first),
        capacity_(capacity),
        fresh_slots_(first, slots),
        free_list_(capacity <= kMaxCapacity ? capacity : 0, Range(slots),
                   &fresh_slots_) {}

  bool ok() const noexcept {
    return capacity_ <= kMaxCapacity && slots_.ok() && caches_.ok() &&
           free_list_.ok();
  }

  // At least two slots: a free slot's state is a word that selects another one.
  static std::size_t Range(std::size_t slots) noexcept {
    return internal::CeilPowerOfTwo(slots < 2 ? 2 : slots);
  }

  // What Delete has found, in registers: g++ would put an optional together in
  // memory, and take it from there by loads that wait for all its parts.
  struct Ended {
    bool was_live;
    typename internal::WordSlot<T>::Words words;
  };

  // Inlined by force, as the free list's Pop and Push and ThreadCaches::With:
  // if not, compilers keep the thread's entry in memory.
  template <typename Thread>
  [[gnu::always_inline]] Handle NewIn(Thread& thread, const T& value) noexcept {
    const Word handle = free_list_.Pop(thread);
    if (__builtin_expect(handle == 0, 0)) return kNullHandle;
    slots_[handle].Publish(handle, value);
    return Handle(handle);
  }

  template <typename Thread>
  [[gnu::always_inline]] Ended DeleteIn(Thread& thread,
                                        Handle handle) noexcept {
    const Word word = static_cast<Word>(handle);
    typename Slots::Slot& slot = slots_[word];
    Word next = State::Next(word);
    bool is_exhausted = false;
    if (__builtin_expect(State::IsExhausted(next), 0)) {
      is_exhausted = Traits::kExhaustion == Exhaustion::kDropSlot;
      next = State::Wrapped(word);
    }
    const Word end = is_exhausted ? State::Exhausted(word) : State::Free(next);
    if (__builtin_expect(!slot.Close(word, end), 0)) return {};
    const Ended ended = {true, slot.Owned()};
    if constexpr (internal::kAddressSanitizer) slot.Forget();
    if (__builtin_expect(is_exhausted, 0)) {
      // relaxed: counts, publishes nothing.
      exhausted_.fetch_add(1, std::memory_order_relaxed);
    } else {
      free_list_.Push(thread, next);
    }
    return ended;
  }

  [[noreturn, gnu::cold, gnu::noinline]] void FatalBadHandle(
      const char* operation, Handle handle) const noexcept {
    const Word word = static_cast<Word>(handle);
    const char* slot_is = nullptr;
    Word slot_generation = 0;
    if (Layout::Index::Decode(word) < Range(fresh_slots_.limit())) {
      slot_is = slots_.Describe(word, &slot_generation);
    }
    internal::FatalBadHandle(
        {operation, this, word, Check(handle), Layout::Generation::Decode(word),
         Layout::Index::Decode(word), slot_is, slot_generation});
  }

  // Read by every call and never written, so shared by all caches.
  Slots slots_;
  internal::ThreadCaches<typename FreeList::Cache> caches_;
  const std::size_t capacity_;
  internal::FreshSlots fresh_slots_;
  FreeList free_list_;
  alignas(128) internal::sync::Atomic<std::size_t> exhausted_{0};
};

}  // inline namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_HANDLE_TABLE_H_
