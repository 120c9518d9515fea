// InternTable: one handle for each object, however often it is asked for.

#ifndef HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_
#define HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/handover_list.h"
#include "haft/internal/base/mutex.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/process/any_table.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Remembers which handle an object has and how often it was interned. An object
// is an address and a type, so a struct and its first member are two objects.
// One InternTable serves any number of AnyTables, which it must outlive.
//
// It is a hash map in shards, each with a mutex. A handle is created, and ended
// by Release, under the mutex of its shard, so an object never has two live
// handles. Allocators and destructors, which may be foreign code, run without
// it. The containers of the standard library are not used, because they throw
// if there is no memory, and Haft builds without exceptions.
//
// A handle that ends by other means is found ended. When its object is
// destroyed or taken, which may be in a signal handler that has interrupted the
// holder of the mutex, its entry is only pushed on a list. The next call that
// has the mutex takes the entry out of the map and frees it.
//
// Constant-initialised. Its destructor destroys nothing.
class InternTable {
 public:
  constexpr InternTable() noexcept = default;
  InternTable(const InternTable&) = delete;
  InternTable& operator=(const InternTable&) = delete;

  // Gives the handle of `object` in `table`: the one it has, or a new one,
  // whose end calls destroy(context).
  //   Returns   kOk, and the handle must be released once more; kFull or
  //             kOutOfMemory, and nothing has changed
  //   Progress  blocking
  //   Cost      O(1) amortised; allocates if it creates a handle
  Status Intern(AnyTable& table, void* object, const haft_type* type,
                AnyObject::Destroy destroy, void* context,
                Handle* handle) noexcept {
    Shard& shard = ShardOf(object);
    {
      const Section section(shard);
      if (shard.CountOneMore(table, object, type, handle)) return Status::kOk;
    }
    std::unique_ptr<Entry> entry(new (kNoThrow) Entry{
        {}, &shard, nullptr, &table, object, type, destroy, context});
    if (entry == nullptr) return Status::kOutOfMemory;
    std::size_t crowded = 0;
    {
      const Section section(shard);
      if (shard.CountOneMore(table, object, type, handle)) return Status::kOk;
      entry->handle =
          table.Emplace(object, type, &DestroyInterned, entry.get());
      if (entry->handle == kNullHandle) return Status::kFull;
      *handle = entry->handle;
      shard.Link(entry.release());
      if (shard.size > shard.count) crowded = shard.count;
    }
    if (crowded != 0) shard.Grow(crowded);
    return Status::kOk;
  }

  // Takes back one Intern; the last of them ends the handle, as
  // AnyTable::Delete does.
  //   Returns   kOk; kInvalid if a live handle was not interned; the status for
  //             which the handle is refused; kOutOfMemory if the last Release
  //             finds the object pinned and there is no room for a pin. Unless
  //             it is kOk, nothing has changed
  //   Progress  blocking, and that of the object's destructor
  Status Release(AnyTable& table, Handle handle) noexcept {
    // A pin of this call's own while the handle of a pinned object ends, so
    // that the object is not destroyed under the mutex. Most objects are not
    // pinned and need none.
    AnyTable::Pinned pinned = AnyTable::Pinned::Attach({});
    for (;;) {
      void* object;
      const Status found = AnyValue(table, handle, nullptr, &object);
      if (found != Status::kOk) return found;
      Shard& shard = ShardOf(object);
      Section section(shard);
      Entry* const entry = shard.Find(object, [&](const Entry& each) {
        return each.table == &table && each.handle == handle;
      });
      // Another thread may have ended the handle since it was found live.
      if (const Status status = table.Check(handle); status != Status::kOk)
        return status;
      if (entry == nullptr) return Status::kInvalid;
      if (entry->count > 1) {
        --entry->count;
        return Status::kOk;
      }
      Status status;
      if (pinned) {
        status = table.Delete(handle);
        if (status == Status::kOk) shard.Unlink(entry);
        return status;  // leaves the section, and then unpins
      }
      const AnyTable::Detached detached =
          table.DetachUnlessPinned(handle, &status);
      if (status == Status::kOk) shard.Unlink(entry);
      section.Leave();
      if (status != Status::kPinned) return status;  // and destroys
      pinned = table.Pin(handle);
      if (!pinned) return pinned.status();
    }
  }

  // Returns the object that the caller of Intern gave, of an object that was
  // taken out of its table, and lets go of its entry. An object that was not
  // interned is returned as it is.
  //   Progress  lock-free; async-signal-safe
  static AnyObject Forget(AnyObject taken) noexcept {
    if (taken.destroy() != &DestroyInterned) return taken;
    const Entry& entry = *static_cast<Entry*>(taken.context());
    AnyObject object(taken.Release(), entry.type, entry.destroy, entry.context);
    LetGo(taken.context());
    return object;
  }

  // Takes out of the map, and frees, the entries of all objects that were
  // destroyed or taken before. Intern and Release do so for the shard that they
  // use.
  //   Returns   how many entries it has freed
  //   Progress  blocking
  std::size_t Collect() noexcept {
    std::size_t freed = 0;
    for (Shard& shard : shards_) {
      Section section(shard);
      freed += section.Leave();
    }
    return freed;
  }

  // Between Lock and Unlock no other thread is inside a call. For fork.
  void Lock() noexcept {
    for (Shard& shard : shards_) shard.mutex.lock();
  }
  void Unlock() noexcept {
    for (Shard& shard : shards_) shard.mutex.unlock();
  }

  // Returns how many handles are in the map. A handle that has ended by other
  // means than Release counts until its entry is collected or its object
  // interned again.
  std::size_t size() noexcept {
    std::size_t size = 0;
    for (Shard& shard : shards_) {
      const std::lock_guard<Mutex> lock(shard.mutex);
      size += shard.size;
    }
    return size;
  }

 private:
  struct Shard;

  // An interned object. The object in the AnyTable has its entry, until it lets
  // go of it; from then on the list `ended` has it. The entry is linked while
  // the map may return its handle.
  struct Entry : AllocatedByMalloc {
    Shard* const shard;
    Entry* next;
    AnyTable* const table;
    void* const object;
    const haft_type* const type;
    const AnyObject::Destroy destroy;
    void* const context;
    Handle handle = kNullHandle;
    std::size_t count = 1;
    bool linked = false;
    sync::Plain<Entry*> next_ended{};
  };
  using EndedEntries = HandoverList<Entry, &Entry::next_ended>;

  static std::uint64_t HashOf(const void* object) noexcept {
    const std::uint64_t product =
        reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u;
    return product ^ product >> 32;
  }

  struct alignas(128) Shard {
    // The entries whose objects are gone.
    EndedEntries ended;
    Mutex mutex;
    // The mutex protects the following.
    Entry* one = nullptr;  // the only bucket, while `buckets` is null
    Entry** buckets = nullptr;
    std::size_t count = 1;  // the number of buckets, a power of two
    std::size_t size = 0;

    Entry** BucketOf(const void* object) noexcept {
      return buckets == nullptr ? &one : &buckets[HashOf(object) & (count - 1)];
    }

    template <typename F>
    Entry* Find(const void* object, F&& is_it) noexcept {
      Entry* entry = *BucketOf(object);
      while (entry != nullptr && !is_it(*entry)) entry = entry->next;
      return entry;
    }

    // Counts one more Intern of the object, if it has a handle. An entry whose
    // handle was deleted by other means than Release is unlinked.
    //   Returns   whether the object has a handle
    bool CountOneMore(AnyTable& table, const void* object,
                      const haft_type* type, Handle* handle) noexcept {
      Entry* const entry = Find(object, [&](const Entry& each) {
        return each.object == object && each.table == &table &&
               TypeMatches(each.type, type);
      });
      if (entry == nullptr) return false;
      if (table.Check(entry->handle) != Status::kOk) {
        Unlink(entry);
        return false;
      }
      ++entry->count;
      *handle = entry->handle;
      return true;
    }

    void Link(Entry* entry) noexcept {
      entry->next = std::exchange(*BucketOf(entry->object), entry);
      entry->linked = true;
      ++size;
    }
    void Unlink(Entry* entry) noexcept {
      Entry** place = BucketOf(entry->object);
      while (*place != entry) place = &(*place)->next;
      *place = entry->next;
      entry->linked = false;
      --size;
    }

    // Takes the ended entries out of the map. No call has one of them in hand,
    // because that needs the mutex.
    //   Returns   the first of them
    Entry* UnlinkEnded() noexcept {
      Entry* const first = ended.TakeAll();
      for (Entry* entry = first; entry != nullptr;
           entry = EndedEntries::Next(*entry)) {
        if (entry->linked) Unlink(entry);
      }
      return first;
    }

    // Grows the shard, unless another thread has. If allocation fails, the old
    // buckets remain: slower, still correct.
    void Grow(std::size_t crowded) noexcept {
      const std::size_t more = crowded == 1 ? 16 : 2 * crowded;
      ZeroedArray<Entry*> spare = NewZeroedArray<Entry*>(more);
      if (spare == nullptr) return;
      const std::lock_guard<Mutex> lock(mutex);
      if (count != crowded) return;
      Entry** const old = buckets == nullptr ? &one : buckets;
      for (std::size_t i = 0; i < count; ++i) {
        while (Entry* const entry = old[i]) {
          old[i] = entry->next;
          Entry*& place = spare[HashOf(entry->object) & (more - 1)];
          entry->next = std::exchange(place, entry);
        }
      }
      Entry** const grown = spare.release();
      spare.reset(std::exchange(buckets, grown));
      count = more;
    }
  };

  // Holds the mutex of a shard, and frees ended entries after it.
  class Section {
   public:
    explicit Section(Shard& shard) noexcept : locked_(&shard) {
      shard.mutex.lock();
      ended_ = shard.UnlinkEnded();
    }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;
    ~Section() { Leave(); }

    // Unlocks the mutex. Returns how many entries were freed then.
    std::size_t Leave() noexcept {
      if (Shard* const locked = std::exchange(locked_, nullptr))
        locked->mutex.unlock();
      std::size_t freed = 0;
      for (; ended_ != nullptr; ++freed) {
        const std::unique_ptr<Entry> entry(ended_);
        ended_ = EndedEntries::Next(*entry);
      }
      return freed;
    }

   private:
    Shard* locked_;
    Entry* ended_;
  };

  // Called instead of `destroy` when an interned object is destroyed.
  static void DestroyInterned(void* context) {
    const Entry& entry = *static_cast<Entry*>(context);
    const AnyObject::Destroy destroy = entry.destroy;
    void* const destroyed = entry.context;
    LetGo(context);
    if (destroy != nullptr) destroy(destroyed);
  }
  // Leaves an entry to whoever next has the mutex of its shard. It must not
  // wait for that mutex, because the code that a signal handler has interrupted
  // may hold it.
  static void LetGo(void* context) noexcept {
    Entry* const entry = static_cast<Entry*>(context);
    entry->shard->ended.Push(entry);
  }

  Shard& ShardOf(const void* object) noexcept {
    return shards_[HashOf(object) >> (64 - kShardBits)];
  }

  // ThreadSanitizer supports at most 63 mutexes held by one thread, which is
  // how many Lock may take.
  static constexpr unsigned kShardBits = 5;
  Shard shards_[1 << kShardBits];
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_
