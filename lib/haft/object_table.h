// The object table: owns an object in each slot, and keeps it alive while it is
// used.

#ifndef HAFT_OBJECT_TABLE_H_
#define HAFT_OBJECT_TABLE_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/visitor.h"
#include "haft/internal/table/object_store.h"
#include "haft/internal/table/slot_allocator.h"
#include "haft/pinned.h"
#include "haft/read_scope.h"
#include "haft/status.h"
#include "haft/table_stats.h"
#include "haft/traits.h"

namespace haft {
inline namespace HAFT_ABI {

// Owns objects of type T, each in place in its slot, and gives them opaque
// handles. A *pin* keeps an object alive while it is used: Delete ends the
// handle at once, and the object is destroyed when its last pin has ended, no
// later than that unpin returns. Pinning writes no line that another reader
// writes.
//
// T is any type: move-only, over-aligned, with a throwing constructor. T's
// constructor, destructor and move may call the table.
//
// Unless a comment says otherwise every member may be called by any thread at
// any time. A call that constructs, destroys or moves a T is as safe in a
// signal handler as T is; the others are async-signal-safe.
template <typename T, typename Traits = DefaultTraits>
class ObjectTable {
  using Store = internal::ObjectStore<T, Traits>;
  using Slot = typename Store::Slot;

 public:
  // How many objects the layout allows to exist at once.
  static constexpr std::size_t kMaxCapacity = Store::Allocator::kMaxCapacity;

  using Pinned = PinnedObject<T, Traits>;
  using ReadScope = haft::ReadScope<T, Traits>;

  // Makes a table for `capacity` objects. It reserves address space for all of
  // them and touches a few pages only.
  //   Errors    throws std::length_error if capacity > kMaxCapacity and
  //             std::bad_alloc if address space cannot be had; aborts where
  //             there are no exceptions: use Create there
  explicit ObjectTable(std::size_t capacity)
      : ObjectTable(capacity, Unchecked{}) {
    if (!ok()) store_.allocator().FailConstruction();
  }

  // Makes a table without exceptions.
  //   Returns   nullptr where the constructor would throw
  static std::unique_ptr<ObjectTable> Create(std::size_t capacity) noexcept {
    return internal::TableIfOk(new (std::nothrow)
                                   ObjectTable(capacity, Unchecked{}));
  }

  // Destroys what is live. No thread may be inside a call. Objects that are
  // still pinned are reported on stderr; they and the memory under them then
  // stay permanently, so that the pins remain good.
  ~ObjectTable() = default;

  ObjectTable(const ObjectTable&) = delete;
  ObjectTable& operator=(const ObjectTable&) = delete;

  // Constructs a T from `arguments` in a free slot.
  //   Returns   a handle that was never returned before; kNullHandle if the
  //             table is full (nothing has been constructed then)
  //   Errors    what T's constructor throws; nothing has changed then
  //   Progress  lock-free but for the constructor
  //   Cost      as HandleTable::New
  //   Ordering  what precedes happens before what follows a Pin that finds the
  //             object
  template <typename... Arguments>
  [[nodiscard]] Handle Emplace(Arguments&&... arguments) {
    typename Store::Reservation reservation(&store_);
    if (reservation.word == 0) return kNullHandle;
    Slot& slot = store_[reservation.word];
    new (slot.BeginObject()) T(std::forward<Arguments>(arguments)...);
    slot.Publish(reservation.word);
    return Handle(std::exchange(reservation.word, 0));
  }
  [[nodiscard]] Handle Insert(T object) { return Emplace(std::move(object)); }

  // Keeps the object of `handle` alive until the pin ends.
  //   Returns   a pin that gives T&, or an empty one that says why not: a
  //             Status of Check, or kOutOfMemory if there are 2^32 - 1 pins of
  //             this object besides those in hazard cells (14 a thread)
  //   Progress  lock-free; wait-free for a thread that holds less than 14 pins,
  //             unless a DeleteUnlessPinned or a Take of this handle is under
  //             way
  //   Cost      one compare-and-swap on a line of the thread's own, or on a
  //   line
  //             of the object if the thread uses the object for the first time
  //             or holds 14 pins already
  // Inlined by force, so that the pin stays in registers.
  [[nodiscard, gnu::always_inline]] Pinned Pin(Handle handle) noexcept {
    const Word word = static_cast<Word>(handle);
    Slot& slot = store_[word];
    // A handle that is plainly not live is not published. The state is read
    // once, because a frozen handle may be unfrozen before a second read.
    if (slot.MayBeLive(word, store_.slots())) {
      typename Store::Hold* const hold =
          store_.reclamation().Protect(slot, word);
      if (__builtin_expect(hold == nullptr, 0))
        return Pinned(store_.Refusal(handle, Status::kOutOfMemory));
      if (__builtin_expect(slot.Validate(word, store_.slots()), 1))
        return Pinned(&store_, hold, &slot, word);
      Store::Unpin(&store_, hold, &slot, word);
    }
    return Pinned(store_.Refusal(handle));
  }

  // Ends `handle`: no Pin succeeds from now on. The object is destroyed before
  // this returns or, if it is pinned, by the last unpin before that returns.
  // (If destructors are nested deeper than 32 on this stack, the innermost one
  // destroys it when it returns.)
  //   Returns   kOk, once for each handle; else why the handle is refused
  //   Progress  lock-free but for T's destructor
  //   Cost      one compare-and-swap, and a look at the hazard cells of each
  //             thread that has used the object; if it is pinned, a system call
  //             that interrupts the process's running threads
  //   Ordering  what precedes, and what precedes each unpin, happens before T's
  //             destructor
  //
  // This and all other functions that end a handle call ended() after the
  // handle has ended and before the object can be destroyed.
  template <typename F = internal::DoNothing>
  Status Delete(Handle handle, F ended = {}) {
    const Word word = static_cast<Word>(handle);
    if (!store_.End(word)) return store_.Refusal(handle);
    ended();
    store_.Dispose(word);
    return Status::kOk;
  }

  // As Delete, if no thread uses the object.
  //   Returns   kPinned or kScoped if one does, or may do so: the handle is
  //             then still live. kScoped says that the object is not pinned,
  //             but a thread that has pinned or found it at any time is inside
  //             a read scope of this table, though perhaps not with this object
  template <typename F = internal::DoNothing>
  Status DeleteUnlessPinned(Handle handle, F ended = {}) {
    const Status status = store_.EndUnlessPinned(handle);
    if (status != Status::kOk) return status;
    ended();
    store_.Destroy(static_cast<Word>(handle));
    return Status::kOk;
  }

  // As Delete, then waits until the object is destroyed, for `timeout` at most.
  // A thread that waits for its own pin waits until the timeout.
  //   Returns   kTimedOut if the object is still pinned, or may have been
  //             found in a read scope (see kScoped): it is deleted all the
  //             same, and its last user destroys it. Its slot can be used
  //             again when that returns, which may be a moment later. kDeferred
  //             if destructors are nested deeper than 32 on this stack: the
  //             handle has ended, and the object is destroyed when the
  //             innermost of them returns, so that waiting would be in vain
  //   Progress  blocking: the one call that waits
  template <typename F = internal::DoNothing>
  Status DeleteAndWait(Handle handle, std::chrono::nanoseconds timeout,
                       F ended = {}) {
    const Word word = static_cast<Word>(handle);
    if (!store_.End(word)) return store_.Refusal(handle);
    ended();
    if (!store_.Dispose(word)) return Status::kDeferred;
    return store_.destroyed_event().WaitUntil(
               [&] { return !store_[word].IsInUse(word); }, timeout)
               ? Status::kOk
               : Status::kTimedOut;
  }

  // As DeleteUnlessPinned, and moves the object out before it is destroyed.
  //   Returns   the object; nothing where DeleteUnlessPinned would not return
  //             kOk, and `*why` is then what it would return
  template <typename F = internal::DoNothing>
  std::optional<T> Take(Handle handle, Status* why = nullptr, F ended = {}) {
    const Status status = store_.EndUnlessPinned(handle);
    if (why != nullptr) *why = status;
    if (status != Status::kOk) return std::nullopt;
    ended();
    const Word word = static_cast<Word>(handle);
    // Destroys the object also if moving it out throws.
    const typename Store::Detached detached(&store_, word);
    return std::optional<T>(std::move(*store_[word].object()));
  }

  // As HandleTable::Check.
  [[nodiscard]] Status Check(Handle handle) const noexcept {
    return store_.Check(handle);
  }

  // Insert for each of objects[0..count-1], which are moved from.
  //   Returns   how many it has made: fewer than `count` if the table became
  //             full; the others have not been moved from
  //   Errors    what T's move constructor throws. The objects before that one
  //             are in the table, under their handles; the other handles are
  //             kNullHandle
  [[nodiscard]] std::size_t InsertBatch(T* objects, std::size_t count,
                                        Handle* handles) {
    if constexpr (!std::is_nothrow_move_constructible_v<T>) {
      for (std::size_t i = 0; i < count; ++i) handles[i] = kNullHandle;
    }
    return Store::Allocator::NewBatch(count, handles, [&](std::size_t i) {
      return Emplace(std::move(objects[i]));
    });
  }

  // Delete for each of handles[0..count-1].
  //   Returns   how many were live. If `statuses` is given, statuses[i] is what
  //             Delete(handles[i]) would have returned
  std::size_t DeleteBatch(const Handle* handles, std::size_t count,
                          Status* statuses = nullptr) {
    return store_.allocator().DeleteBatch(handles, count, [&](std::size_t i) {
      const Status status = Delete(handles[i]);
      if (statuses != nullptr) statuses[i] = status;
      return status == Status::kOk;
    });
  }

  // Calls f(handle, object) for live objects, each pinned for the call, in no
  // particular order. Weakly consistent: an object that is live throughout is
  // seen exactly once. f may call the table, also Delete(handle), and it may
  // return a bool: true ends the walk.
  template <typename F>
  void ForEach(F&& f) {
    store_.allocator().ForEachLive([&](const Slot&, Word word) {
      const Pinned pinned = Pin(Handle(word));
      return pinned && internal::InvokeVisitor(f, Handle(word), *pinned);
    });
  }

  // Deletes what is live.
  //   Returns   how many
  std::size_t Clear() { return store_.Clear(); }

  // As HandleTable::Prepare. It also registers the process for the barrier that
  // the first Delete of a pinned object needs. That takes milliseconds if the
  // process has several threads.
  Status Prepare(std::size_t expected) noexcept {
    return store_.Prepare(expected);
  }

  // As HandleTable::Trim. With CountedReclamation it does nothing and returns
  // 0.
  std::size_t Trim() noexcept { return store_.Trim(); }

  // Returns the figures of the table; see ObjectTableStats.
  //   Progress  wait-free; async-signal-safe
  //   Cost      O(threads)
  [[nodiscard]] ObjectTableStats Stats() const noexcept {
    return store_.Stats();
  }

 protected:
  // For classes that build another table on this one.

  struct Unchecked {};

  // If ok() is false afterwards, the table must not be used.
  ObjectTable(std::size_t capacity, Unchecked) noexcept : store_(capacity) {}
  bool ok() const noexcept { return store_.ok(); }

  Store& store() noexcept { return store_; }
  const Store& store() const noexcept { return store_; }

 private:
  friend ReadScope;
  friend class internal::Inspector;
  friend std::unique_ptr<ObjectTable> internal::TableIfOk<ObjectTable>(
      ObjectTable*) noexcept;

  Store store_;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_OBJECT_TABLE_H_
