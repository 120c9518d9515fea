// The handle table: opaque, checked handles to values of one to a few words.

#ifndef HAFT_HANDLE_TABLE_H_
#define HAFT_HANDLE_TABLE_H_

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/visitor.h"
#include "haft/internal/slot/compact_slot.h"
#include "haft/internal/slot/word_slot.h"
#include "haft/internal/table/slot_allocator.h"
#include "haft/status.h"
#include "haft/table_stats.h"
#include "haft/traits.h"

namespace haft {
inline namespace HAFT_ABI {

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
  using Slot =
      std::conditional_t<Traits::kCompactAlignment == 0, internal::WordSlot<T>,
                         internal::CompactSlot<T, typename Traits::Layout,
                                               Traits::kCompactAlignment>>;
  using Allocator = internal::SlotAllocator<Slot, Traits>;

  static_assert(
      std::is_trivially_copyable_v<T>,
      "the table copies values as words: store a pointer to anything else");
  static_assert(
      sizeof(T) <= 8 * sizeof(Word),
      "a value is read word by word: store a pointer to anything larger");

 public:
  // How many handles the layout allows to be live at once.
  static constexpr std::size_t kMaxCapacity = Allocator::kMaxCapacity;

  // Makes a table for `capacity` live handles. It reserves address space for
  // all of them and touches a few pages only. A capacity close to kMaxCapacity
  // leaves the free list little room for caching and makes New and Delete
  // slower.
  //   Errors    throws std::length_error if capacity > kMaxCapacity and
  //             std::bad_alloc if address space cannot be had; aborts where
  //             there are no exceptions: use Create there
  explicit HandleTable(std::size_t capacity)
      : HandleTable(capacity, Unchecked{}) {
    if (!ok()) allocator_.FailConstruction();
  }

  // Makes a table without exceptions.
  //   Returns   nullptr where the constructor would throw
  static std::unique_ptr<HandleTable> Create(std::size_t capacity) noexcept {
    return internal::TableIfOk(new (std::nothrow)
                                   HandleTable(capacity, Unchecked{}));
  }

  // No thread may be inside a call. Handles that are still live end with the
  // table.
  ~HandleTable() = default;

  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // Whether the table can store `value`. It can store any, unless it is compact
  // (Traits::kCompactAlignment): then a pointer whose address is a multiple of
  // the alignment, and below 2 to the number of bits that the layout leaves.
  static constexpr bool Fits(const T& value) noexcept {
    return Slot::Fits(value);
  }

  // Makes `value` reachable through a new handle.
  //   Returns   a handle that was never returned before; kNullHandle if the
  //             table is full, or if not Fits(value) (nothing has changed then)
  //   Progress  lock-free; wait-free while this thread's cache holds a handle;
  //             async-signal-safe
  //   Cost      O(1); no allocation, no system call except in a thread's first
  //             use; one cache line besides the thread's own
  //   Ordering  what precedes New happens before what follows a Value that
  //             returns this value
  //   Source    NewHandle of Go issue 37033
  [[nodiscard, gnu::always_inline]] Handle New(const T& value) noexcept {
    const Handle handle = allocator_.caches().With(
        [ this, value ](auto& thread) __attribute__((always_inline)) {
          const Handle made = this->NewIn(thread, value);
          thread.CountCreated(made != kNullHandle);
          return made;
        });
    if (__builtin_expect(handle == kNullHandle, 0)) return NewElsewhere(value);
    return handle;
  }

  // Returns the value of `handle`.
  //   Returns   nothing if the handle is not live; Check says why
  //   Progress  wait-free; async-signal-safe
  //   Cost      three loads from one cache line, or one if the table is
  //             compact; no write
  //   Ordering  what precedes the New of this handle happens before what
  //             follows
  //   Source    Handle.Value of Go issue 37033
  [[nodiscard]] std::optional<T> Value(Handle handle) const noexcept {
    const Word word = static_cast<Word>(handle);
    if (!allocator_.slots().MayAsk(word)) return std::nullopt;
    return allocator_[word].Read(word);
  }

  // Ends `handle`: from now on every call refuses it.
  //   Returns   the value; nothing if the handle is not live. Exactly one of
  //             any number of racing Deletes gets the value
  //   Progress  lock-free; wait-free while this thread's cache has room;
  //             async-signal-safe
  //   Cost      O(1); one compare-and-swap on the slot's cache line; no
  //             allocation, no system call except in a thread's first use
  //   Ordering  as Value; also before any New that uses the slot again
  //   Source    Handle.Delete of Go issue 37033
  [[gnu::always_inline]] std::optional<T> Delete(Handle handle) noexcept {
    const Deleted deleted = allocator_.caches().With(
        [ this, handle ](auto& thread) __attribute__((always_inline)) {
          return this->DeleteIn(thread, handle, 1);
        });
    if (__builtin_expect(!deleted.was_live, 0)) return std::nullopt;
    return deleted.words.Value();
  }

  // Returns why `handle` is refused, or kOk. The generation tells a handle of
  // another table, of an earlier process or of no table from a stale one: with
  // the default layout the answer is wrong once in 2^34. If generations wrap
  // (Exhaustion::kWrap), a stale handle of a slot that has wrapped since may be
  // reported as never issued.
  //   Progress  wait-free; async-signal-safe
  //   Cost      one load, no write
  [[nodiscard]] Status Check(Handle handle) const noexcept {
    return allocator_.slots().Status(static_cast<Word>(handle));
  }

  // Value and Delete for callers that hold a handle they know is live. If it is
  // not, they report on stderr all that is known about the handle, and abort.
  [[nodiscard]] T MustValue(Handle handle) const noexcept {
    const std::optional<T> value = Value(handle);
    if (__builtin_expect(!value.has_value(), 0))
      allocator_.FatalHandle("MustValue", this, handle);
    return *value;
  }
  T MustDelete(Handle handle) noexcept {
    const std::optional<T> value = Delete(handle);
    if (__builtin_expect(!value.has_value(), 0))
      allocator_.FatalHandle("MustDelete", this, handle);
    return *value;
  }

  // New for each of values[0..count-1].
  //   Returns   how many handles it has made, handles[0] being that of
  //   values[0]
  //             and so on: fewer than `count` if the table became full, or
  //             if the next value does not fit
  //   Progress  as `count` times New
  //   Cost      as `count` times New, less that of entering the cache
  //   Ordering  as New
  [[nodiscard]] std::size_t NewBatch(const T* values, std::size_t count,
                                     Handle* handles) noexcept {
    const std::size_t made =
        allocator_.caches().With([this, values, count, handles](auto& thread) {
          const std::size_t made_here = Allocator::NewBatch(
              count, handles,
              [&](std::size_t i) { return this->NewIn(thread, values[i]); });
          thread.CountCreated(made_here);
          return made_here;
        });
    if (__builtin_expect(made == count, 1)) return made;
    return made + Allocator::NewBatch(count - made, handles + made,
                                      [&](std::size_t i) {
                                        return NewElsewhere(values[made + i]);
                                      });
  }

  // Delete for each of handles[0..count-1], with the slots' cache lines fetched
  // ahead: much cheaper than one by one for handles that another thread made.
  //   Returns   how many were live. If `values` is given, values[i] is what
  //             Delete(handles[i]) would have returned
  //   Progress  as `count` times Delete
  //   Cost      as `count` times Delete, less that of entering the cache and of
  //             waiting for cache lines
  //   Ordering  as Delete
  std::size_t DeleteBatch(const Handle* handles, std::size_t count,
                          std::optional<T>* values = nullptr) noexcept {
    return allocator_.caches().With(
        [this, handles, count, values](auto& thread) {
          const std::size_t deleted =
              allocator_.DeleteBatch(handles, count, [&](std::size_t i) {
                const Deleted one = this->DeleteIn(thread, handles[i], 0);
                if (values != nullptr) {
                  values[i].reset();
                  if (one.was_live) values[i].emplace(one.words.Value());
                }
                return one.was_live;
              });
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
    allocator_.ForEachLive([&](const Slot& slot, Word word) {
      const std::optional<T> value = slot.Read(word);
      return value && internal::InvokeVisitor(f, Handle(word), *value);
    });
  }

  // Does now what the first calls would do later, for callers that must not pay
  // then: claims the calling thread's numbers, and gives memory to the pages
  // that are needed while up to `expected` handles are live and no other thread
  // holds free ones back. Each other thread that must not pay calls it, too.
  //   Returns   kOk; kFull, and nothing has changed, if `expected` is more than
  //             the capacity in Stats; kOutOfMemory if the system lacks memory,
  //             and then some pages may have theirs
  //   Progress  lock-free, O(expected) system time; async-signal-safe, if the
  //             thread has called the table before
  //   Cost      the memory of `expected` slots (sizeof(T) rounded up to words,
  //             and one word) and of the free list (8 to 12 bytes each), which
  //             Trim takes back where slots are free. Without
  //             MADV_POPULATE_WRITE (Linux 5.14) a page fault for each page,
  //             and the system ends the process if it lacks memory
  //   Ordering  none
  Status Prepare(std::size_t expected) noexcept {
    return allocator_.Prepare(expected);
  }

  // Gives the system back the memory of those pages of the table that contain
  // only free slots. Handles and values stay as they are, and every other call
  // may go on beside it. A handle that was never issued, for a slot of such a
  // page, may count as stale afterwards, if another slot has issued its
  // generation.
  //   Returns   how many bytes; 0 also if another call is trimming the table.
  //             If slots straddle pages, a page at the edge of a free range may
  //             be counted though it was given back before
  //   Progress  lock-free, O(slots) steps; async-signal-safe
  //   Cost      O(high water), eight bytes a slot until it returns, and a
  //             system call for each 1,024 slots at most, or each page, which
  //             interrupts the process's running threads. The free slots in the
  //             caches of other threads, up to 256 for each, keep their pages.
  //             Meanwhile a New that finds no handle elsewhere searches those
  //             that this has collected, in O(slots) steps. If the free list
  //             has no slots beyond the capacity, then New may answer "full"
  //             while the slots of a page are in hand
  //   Ordering  none
  std::size_t Trim() noexcept { return allocator_.Trim(); }

  // Returns the figures of the table; see TableStats.
  //   Progress  wait-free; async-signal-safe
  //   Cost      O(threads); no hot path shares a counter
  [[nodiscard]] TableStats Stats() const noexcept { return allocator_.Stats(); }

 private:
  friend class internal::Inspector;
  friend std::unique_ptr<HandleTable> internal::TableIfOk<HandleTable>(
      HandleTable*) noexcept;
  struct Unchecked {};

  // At least two slots: the state of a free slot selects another slot.
  HandleTable(std::size_t capacity, Unchecked) noexcept
      : allocator_(capacity, 2) {}

  bool ok() const noexcept { return allocator_.ok(); }

  // The finding of Delete. It stays in registers: g++ would put an optional
  // together in memory and read it back by loads that wait for all its parts.
  struct Deleted {
    bool was_live;
    typename Slot::Words words;
  };

  template <typename Thread>
  [[gnu::always_inline]] Handle NewIn(Thread& thread, const T& value) noexcept {
    if (!Fits(value)) return kNullHandle;
    const Word handle = allocator_.Allocate(thread);
    if (__builtin_expect(handle == 0, 0)) return kNullHandle;
    allocator_[handle].Publish(handle, value);
    return Handle(handle);
  }

  // New for a thread that has found the table full.
  [[gnu::always_inline]] Handle NewElsewhere(const T& value) noexcept {
    if (!Fits(value)) return kNullHandle;
    const Word handle = allocator_.AllocateElsewhere();
    if (handle != 0) allocator_[handle].Publish(handle, value);
    return Handle(handle);
  }

  // Counts the handle as `count` deleted ones: here, because a test after the
  // slot's end would cost an instruction or two.
  template <typename Thread>
  [[gnu::always_inline]] Deleted DeleteIn(Thread& thread, Handle handle,
                                          std::uint64_t count) noexcept {
    const Word word = static_cast<Word>(handle);
    const Word next = Allocator::NextOf(word);
    if (!allocator_.slots().MayAsk(word)) return {};
    Slot& slot = allocator_[word];
    const auto ended = slot.End(word, Allocator::EndOf(word, next));
    if (__builtin_expect(!ended, 0)) return {};
    const Deleted deleted = {true, slot.ReadOwned(ended)};
    if constexpr (internal::kAddressSanitizer) slot.Forget();
    thread.CountDeleted(count);
    allocator_.Free(thread, next);
    return deleted;
  }

  Allocator allocator_;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_HANDLE_TABLE_H_
