// Measures the cost of interning an object, which returns the one handle of
// that object, and of releasing it.

#include <cds/container/feldman_hashmap_hp.h>
#include <cds/container/striped_map/std_hash_map.h>
//
#include <cds/container/striped_map.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/driver.h"
#include "bench/peers/cds_tables.h"
#include "bench/updates.h"
#include "bench/yardsticks.h"
#include "haft/internal/process/intern_table.h"

namespace haft::bench {
namespace {

constexpr std::size_t kRoom = 100000;
constexpr haft_type kType = {"object", nullptr, nullptr, 0, 0};

// The interning that is measured: that of Haft.
class HaftInterns {
 public:
  struct Session {
    explicit Session(HaftInterns&) {}
  };
  Key Intern(void* object) {
    Handle handle = kNullHandle;
    (void)interned_.Intern(table_, object, &kType, nullptr, nullptr, &handle);
    return static_cast<Key>(handle);
  }
  bool Release(Key key) {
    return interned_.Release(table_, Handle(key)) == Status::kOk;
  }

 private:
  static inline internal::InternTable interned_;
  internal::AnyTable table_{kRoom};
};

// Written by hand: a number for each pointer, under `kShards` mutexes.
template <std::size_t kShards>
class MapInterns {
 public:
  struct Session {
    explicit Session(MapInterns&) {}
  };
  Key Intern(void* object) {
    // The same hash as in the maps of libcds, because objects lie side by side.
    const std::size_t index =
        reinterpret_cast<std::uintptr_t>(object) / sizeof(Object) % kShards;
    Shard& shard = shards_[index];
    const std::lock_guard<std::mutex> lock(shard.mutex);
    const auto [place, is_new] =
        shard.interned.try_emplace(object, Interned{0, 0});
    if (is_new) {
      place->second.key = ++shard.last * kShards + index;
      shard.objects.emplace(place->second.key, object);
    }
    ++place->second.count;
    return place->second.key;
  }
  bool Release(Key key) {
    Shard& shard = shards_[key % kShards];
    const std::lock_guard<std::mutex> lock(shard.mutex);
    const auto object = shard.objects.find(key);
    if (object == shard.objects.end()) return false;
    const auto interned = shard.interned.find(object->second);
    if (--interned->second.count != 0) return true;
    shard.interned.erase(interned);
    shard.objects.erase(object);
    return true;
  }

 private:
  struct Interned {
    Key key;
    std::size_t count;
  };
  struct alignas(128) Shard {
    std::mutex mutex;
    std::unordered_map<void*, Interned> interned;
    std::unordered_map<Key, void*> objects;
    Key last = 0;
  };
  Shard shards_[kShards];
};

// A Haft handle for each pointer, which the striped map of libcds finds. That
// map has a mutex for about 16 buckets. Its erase removes any entry that the
// key has by then, so an entry that was released last must stay in it, without
// a handle.
class StripedInterns {
 public:
  struct Session {
    explicit Session(StripedInterns&) {}
  };
  Key Intern(void* object) {
    Handle handle = kNullHandle;
    map_.update(reinterpret_cast<std::uintptr_t>(object), [&](bool,
                                                              auto& entry) {
      if (entry.second.count++ == 0) {
        entry.second.handle = table_.Emplace(object, &kType, nullptr, nullptr);
      }
      handle = entry.second.handle;
    });
    return static_cast<Key>(handle);
  }
  bool Release(Key key) {
    void* object = nullptr;
    if (internal::AnyValue(table_, Handle(key), &kType, &object) != Status::kOk)
      return false;
    bool is_released = false;
    std::optional<internal::AnyTable::Detached> detached;
    map_.find(reinterpret_cast<std::uintptr_t>(object), [&](auto& entry) {
      if (entry.second.handle != Handle(key)) return;
      is_released = true;
      if (--entry.second.count != 0) return;
      Status status;
      detached.emplace(table_.DetachUnlessPinned(Handle(key), &status));
    });
    return is_released;
  }

 private:
  struct Interned {
    Handle handle = kNullHandle;
    std::size_t count = 0;
  };
  struct Hash {
    std::size_t operator()(std::uintptr_t key) const {
      return key / sizeof(Object);
    }
  };
  cds::container::StripedMap<std::unordered_map<std::uintptr_t, Interned, Hash>,
                             cds::opt::hash<Hash>>
      map_;
  internal::AnyTable table_{kRoom};
};

// A lock-free map under hazard pointers. A count that has become 0 stays 0, and
// a thread that finds it waits until the entry is gone.
class FeldmanInterns {
 public:
  struct Session {
    explicit Session(FeldmanInterns&) {
      if (attached_here) cds::threading::Manager::attachThread();
    }
    ~Session() {
      if (attached_here) cds::threading::Manager::detachThread();
    }
    Session(const Session&) = delete;

    const bool attached_here = !cds::threading::Manager::isThreadAttached();
  };

  Key Intern(void* object) {
    const auto key = reinterpret_cast<std::uintptr_t>(object);
    for (;;) {
      Handle handle = kNullHandle;
      map_.find(key, [&](auto& entry) {
        std::size_t count = entry.second->count.load();
        while (count != 0 &&
               !entry.second->count.compare_exchange_weak(count, count + 1)) {
        }
        if (count != 0) handle = entry.second->handle;
      });
      if (handle != kNullHandle) return static_cast<Key>(handle);
      auto interned = std::make_shared<Interned>();
      interned->handle = table_.Emplace(object, &kType, nullptr, nullptr);
      if (map_.insert(key, interned)) return static_cast<Key>(interned->handle);
      (void)table_.Delete(interned->handle);
    }
  }
  bool Release(Key handle) {
    void* object = nullptr;
    if (internal::AnyValue(table_, Handle(handle), &kType, &object) !=
        Status::kOk)
      return false;
    const auto key = reinterpret_cast<std::uintptr_t>(object);
    bool is_released = false, is_last = false;
    map_.find(key, [&](auto& entry) {
      if (entry.second->handle != Handle(handle)) return;
      is_released = true;
      is_last = entry.second->count.fetch_sub(1) == 1;
    });
    if (is_last) {
      (void)table_.Delete(Handle(handle));
      map_.erase(key);
    }
    return is_released;
  }

 private:
  struct Interned {
    Handle handle = kNullHandle;
    std::atomic<std::size_t> count{1};
  };
  cds::container::FeldmanHashMap<cds::gc::HP, std::uintptr_t,
                                 std::shared_ptr<Interned>>
      map_{8, 4};
  internal::AnyTable table_{kRoom};
};

enum class Objects { kOwn, kHeld, kHot };

// Each operation is an Intern and a Release of one object. It is kOwn: one of
// the thread's own 1,000 objects, which no other caller has interned; kHeld:
// the same, but interned all the time; kHot: one object for all threads,
// interned all the time.
template <typename Interns, Objects kObjects>
class Pairs {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = 8;
  static constexpr bool kKeep = false;

  explicit Pairs(int threads) {
    const typename Interns::Session session(interns_);
    const std::size_t count = kThousand * static_cast<std::size_t>(threads);
    for (std::size_t i = 0; kObjects != Objects::kOwn && i < count; ++i)
      (void)interns_.Intern(bench::Objects() + i);
  }

  class Thread {
   public:
    Thread(Pairs& shared, int index)
        : interns_(shared.interns_),
          session_(shared.interns_),
          objects_(bench::Objects() + kThousand * index) {}
    void Run() {
      for (int i = 0; i < kChunk; ++i) {
        Object* const object =
            kObjects == Objects::kHot
                ? bench::Objects()
                : objects_ +
                      Scale(Draws()[next_++ % Draws().size()], kThousand);
        const Key key = interns_.Intern(object);
        failed += key == kNoKey;
        wrong += !interns_.Release(key);
      }
    }

    std::uint64_t failed = 0;
    std::uint64_t wrong = 0;

   private:
    Interns& interns_;
    const typename Interns::Session session_;
    Object* const objects_;
    std::size_t next_ = 0;
  };

 private:
  Interns interns_;
};

template <Objects kObjects>
void Add(Rows& rows) {
  rows.AddYardstick<OneCas>("one uncontended CAS");
  rows.Add<Pairs<HaftInterns, kObjects>>("Haft Intern + Release");
  rows.Add<Pairs<MapInterns<1>, kObjects>>("mutex + 2 unordered_map");
  rows.Add<Pairs<MapInterns<32>, kObjects>>("32 x mutex + 2 unordered_map");
  rows.Add<Pairs<StripedInterns, kObjects>>("Haft + libcds StripedMap");
  rows.Add<Pairs<FeldmanInterns, kObjects>>("Haft + libcds FeldmanHashMap");
}

constexpr Study kStudies[] = {
    {"own", "intern and release an object nobody else has", &Add<Objects::kOwn>,
     false},
    {"held", "the same, interned all the time", &Add<Objects::kHeld>, false},
    {"hot", "one object for all threads, interned all the time",
     &Add<Objects::kHot>, false},
};

}  // namespace
}  // namespace haft::bench

int main(int argc, char** argv) {
  using haft::bench::kStudies;
  return haft::bench::RunStudies(argc, argv, std::begin(kStudies),
                                 std::end(kStudies));
}
