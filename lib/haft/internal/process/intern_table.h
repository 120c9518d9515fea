// InternTable: one handle for each object, however often it is asked for.

#ifndef HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_
#define HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/process/any_table.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Remembers which handle an object has and how often it was interned. An object
// is an address and a type, so a struct and its first member are two objects.
// One InternTable serves any number of AnyTables, which it must outlive.
//
// It is a hash map in shards, each with a mutex. A handle is created and ended
// under the mutex of its shard, so an object never has two live handles.
// Allocators and destructors, which may be foreign code, run without it. The
// containers of the standard library are not used, because they throw if there
// is no memory, and Haft builds without exceptions.
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
      const std::lock_guard<std::mutex> lock(shard.mutex);
      if (shard.CountOneMore(table, object, type, handle)) return Status::kOk;
    }
    std::unique_ptr<Entry> entry(new (std::nothrow) Entry{
        &shard, nullptr, &table, object, type, destroy, context});
    if (entry == nullptr) return Status::kOutOfMemory;
    std::size_t crowded = 0;
    {
      const std::lock_guard<std::mutex> lock(shard.mutex);
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
      std::unique_lock<std::mutex> lock(shard.mutex);
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
        if (status == Status::kOk) shard.Detach(entry);
        lock.unlock();
        return status;  // and unpins
      }
      const AnyTable::Detached detached =
          table.DetachUnlessPinned(handle, &status);
      if (status == Status::kOk) shard.Detach(entry);
      lock.unlock();
      if (status != Status::kPinned) return status;  // and destroys
      pinned = table.Pin(handle);
      if (!pinned) return pinned.status();
    }
  }

  // Returns the object that the caller of Intern gave, of an object that was
  // taken out of its table, and removes its entry. An object that was not
  // interned is returned as it is.
  static AnyObject Forget(AnyObject taken) noexcept {
    if (taken.destroy() != &DestroyInterned) return taken;
    const Entry& entry = *static_cast<Entry*>(taken.context());
    AnyObject object(taken.Release(), entry.type, entry.destroy, entry.context);
    RemoveEntry(taken.context());
    return object;
  }

  // Between Lock and Unlock no other thread is inside a call. For fork.
  void Lock() noexcept {
    for (Shard& shard : shards_) shard.mutex.lock();
  }
  void Unlock() noexcept {
    for (Shard& shard : shards_) shard.mutex.unlock();
  }

  // Returns how many handles it remembers. Some of them may have ended.
  std::size_t size() noexcept {
    std::size_t size = 0;
    for (Shard& shard : shards_) {
      const std::lock_guard<std::mutex> lock(shard.mutex);
      size += shard.size;
    }
    return size;
  }

 private:
  struct Shard;

  // An interned object. The object in the AnyTable owns its entry. The entry is
  // linked while the map may return its handle.
  struct Entry {
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
    bool detached = false;  // the map has nothing left to do for it
  };

  static std::uint64_t HashOf(const void* object) noexcept {
    const std::uint64_t product =
        reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u;
    return product ^ product >> 32;
  }

  struct alignas(128) Shard {
    std::mutex mutex;
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

    // Called by the thread that ended the handle, while it still keeps the
    // object alive.
    void Detach(Entry* entry) noexcept {
      Unlink(entry);
      entry->detached = true;
    }

    // Grows the shard, unless another thread has. If allocation fails, the old
    // buckets remain: slower, still correct.
    void Grow(std::size_t crowded) noexcept {
      const std::size_t more = crowded == 1 ? 16 : 2 * crowded;
      std::unique_ptr<Entry*[]> spare(new (std::nothrow) Entry*[more]());
      if (spare == nullptr) return;
      const std::lock_guard<std::mutex> lock(mutex);
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

  // Called instead of `destroy` when an interned object is destroyed.
  static void DestroyInterned(void* context) {
    const Entry& entry = *static_cast<Entry*>(context);
    const AnyObject::Destroy destroy = entry.destroy;
    void* const destroyed = entry.context;
    RemoveEntry(context);
    if (destroy != nullptr) destroy(destroyed);
  }
  static void RemoveEntry(void* context) noexcept {
    const std::unique_ptr<Entry> entry(static_cast<Entry*>(context));
    // This needs no mutex, because Release sets it before the object can be
    // destroyed.
    if (entry->detached) return;
    const std::lock_guard<std::mutex> lock(entry->shard->mutex);
    if (entry->linked) entry->shard->Unlink(entry.get());
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
