// One handle for one object, however often it is asked for.

#ifndef HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_
#define HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/process/any_table.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Which handle an object has, and how often it was interned. An object is an
// address and a type: a struct and its first member are two. One InternTable
// serves any number of AnyTables, which it must outlive.
//
// A hash map in shards, each under a mutex. Under it a handle is made or ends,
// so that an object never has two that are live; what may be foreign code, an
// allocator or a destructor, runs outside. The map is no container of a
// library's: theirs throw where there is no memory, and Haft builds without
// exceptions.
//
// Constant-initialised, and never destroyed with what it holds.
class InternTable {
 public:
  constexpr InternTable() noexcept = default;
  InternTable(const InternTable&) = delete;
  InternTable& operator=(const InternTable&) = delete;

  // The handle of `object` in `table`: the one it has, or a new one, whose end
  // calls destroy(context).
  //   Returns   kOk, once more to be released; kFull, kOutOfMemory: nothing has
  //             changed
  //   Progress  blocking
  //   Cost      O(1) amortised; allocates where it makes a handle
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
      entry->handle = table.Emplace(object, type, &End, entry.get());
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
  //   Returns   kOk; kInvalid where a live handle was not interned; why the
  //             handle is refused; kOutOfMemory where the last finds the object
  //             pinned and no room for a pin. If it is not kOk, nothing has
  //             changed
  //   Progress  blocking, and what destroys the object
  Status Release(AnyTable& table, Handle handle) noexcept {
    // Held while a pinned object's handle ends, so that it is not destroyed
    // under the mutex. Seldom needed: most are not pinned.
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
      // Not live any more, if another has ended it since.
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
        if (status == Status::kOk) shard.Retire(entry);
        lock.unlock();
        return status;  // and unpins
      }
      const AnyTable::Detached detached =
          table.DetachUnlessPinned(handle, &status);
      if (status == Status::kOk) shard.Retire(entry);
      lock.unlock();
      if (status != Status::kPinned) return status;  // and destroys
      pinned = table.Pin(handle);
      if (!pinned) return pinned.status();
    }
  }

  // What was put in, of an object that was taken out of its table.
  static AnyObject Forget(AnyObject taken) noexcept {
    if (taken.destroy() != &End) return taken;
    const Entry& entry = *static_cast<Entry*>(taken.context());
    AnyObject object(taken.Release(), entry.type, entry.destroy, entry.context);
    Finish(taken.context());
    return object;
  }

  // Between these no other thread is inside: for fork.
  void Lock() noexcept {
    for (Shard& shard : shards_) shard.mutex.lock();
  }
  void Unlock() noexcept {
    for (Shard& shard : shards_) shard.mutex.unlock();
  }

  // How many handles it knows of, of which some may have ended meanwhile.
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

  // Belongs to the object in the AnyTable, whose end ends it too. It is linked
  // as long as the map may answer with it.
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
    bool retired = false;  // nothing is left to be done in the map
  };

  static std::uint64_t HashOf(const void* object) noexcept {
    const std::uint64_t product =
        reinterpret_cast<std::uintptr_t>(object) * 0x9e3779b97f4a7c15u;
    return product ^ product >> 32;
  }

  struct alignas(128) Shard {
    std::mutex mutex;
    // The rest is the mutex's.
    Entry* one = nullptr;  // the only bucket, while there are no others
    Entry** buckets = nullptr;
    std::size_t count = 1;  // of buckets: a power of two
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

    // Whether the object has a handle. One that was deleted otherwise than by
    // Release is none, and is forgotten.
    bool CountOneMore(AnyTable& table, const void* object,
                      const haft_type* type, Handle* handle) noexcept {
      Entry* const entry = Find(object, [&](const Entry& each) {
        return each.object == object && each.table == &table &&
               IsType(each.type, type);
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

    // Of who has ended the handle, and can still keep the object.
    void Retire(Entry* entry) noexcept {
      Unlink(entry);
      entry->retired = true;
    }

    // More buckets than the `crowded` ones there were; without memory for them
    // those do, more slowly.
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

  // What the end of an interned object calls.
  static void End(void* context) {
    const Entry& entry = *static_cast<Entry*>(context);
    const AnyObject::Destroy destroy = entry.destroy;
    void* const destroyed = entry.context;
    Finish(context);
    if (destroy != nullptr) destroy(destroyed);
  }
  static void Finish(void* context) noexcept {
    const std::unique_ptr<Entry> entry(static_cast<Entry*>(context));
    // No mutex: Release sets it before the object may be destroyed.
    if (entry->retired) return;
    const std::lock_guard<std::mutex> lock(entry->shard->mutex);
    if (entry->linked) entry->shard->Unlink(entry.get());
  }

  Shard& ShardOf(const void* object) noexcept {
    return shards_[HashOf(object) >> (64 - kShardBits)];
  }

  // At most 63: ThreadSanitizer does not know what to make of a thread that
  // holds more mutexes.
  static constexpr unsigned kShardBits = 5;
  Shard shards_[1 << kShardBits];
};

// As AnyDelete, for haft_take, whose object may have been interned.
template <typename F = DoNothing>
Status AnyTake(AnyTable& table, Handle handle, const haft_type* type,
               TakenObject* taken, F ended = {}) noexcept {
  Status status = AnyCheck(table, handle, type);
  if (status != Status::kOk) return status;
  if (std::optional<AnyObject> any = table.Take(handle, &status, ended)) {
    AnyObject object = InternTable::Forget(*std::move(any));
    taken->destroy = object.destroy();
    taken->context = object.context();
    taken->object = object.Release();
  }
  return status;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_INTERN_TABLE_H_
