// Locks, and maps under them, written over the seam: what people use instead
// of Haft.

#ifndef HAFT_BENCH_SIMULATOR_RIVALS_H_
#define HAFT_BENCH_SIMULATOR_RIVALS_H_

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include "bench/simulator/arm.h"
#include "bench/simulator/names.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/sync.h"

namespace haft::simulator {

template <typename T>
using Atomic = internal::sync::Atomic<T>;
template <typename T>
using Plain = internal::sync::Plain<T>;

// A mutex that sleeps in the system ("Futexes are tricky", Drepper): 0 is free,
// 1 is locked, 2 is locked and perhaps waited for.
class alignas(128) FutexMutex {
 public:
  static std::vector<AtomicName> Atomics() { return {{"word"}}; }

  void Lock() {
    std::uint32_t found = 0;
    // acquire: sees what the last owner wrote.
    if (word_.compare_exchange_strong(found, 1, std::memory_order_acquire,
                                      std::memory_order_relaxed))
      return;
    while (word_.exchange(2, std::memory_order_acquire) != 0)
      word_.WaitWhileEqual(2);
  }
  void Unlock() {
    // release: partner of the acquire in Lock.
    if (word_.exchange(0, std::memory_order_release) == 2) word_.Wake(1);
  }

 private:
  Atomic<std::uint32_t> word_{0};
};

// Threads draw numbers from one line, and spin on another one until theirs is
// served.
class alignas(128) TicketLock {
 public:
  static std::vector<AtomicName> Atomics() { return {{"next"}, {"serving"}}; }

  void Lock() {
    const std::uint32_t mine = next_.fetch_add(1, std::memory_order_relaxed);
    // acquire: sees what the last owner wrote.
    std::uint32_t serving = serving_.load(std::memory_order_acquire);
    while (serving != mine) serving = serving_.SpinWhileEqual(serving);
  }
  void Unlock() {
    // relaxed: only the owner writes it. release: partner of the acquire.
    serving_.store(serving_.load(std::memory_order_relaxed) + 1,
                   std::memory_order_release);
  }

 private:
  alignas(128) Atomic<std::uint32_t> next_{0};
  alignas(128) Atomic<std::uint32_t> serving_{0};
};

// Threads form a queue, and each spins on a line of its own (Mellor-Crummey and
// Scott, TOCS 1991).
class alignas(128) McsLock {
 public:
  static std::vector<AtomicName> Atomics() {
    std::vector<AtomicName> names = {{"tail"}};
    for (unsigned core = 0; core <= kMostCores; ++core) {
      names.push_back({"node " + std::to_string(core) + ".next"});
      names.push_back({"node " + std::to_string(core) + ".waits"});
    }
    return names;
  }

  void Lock() {
    const std::uint32_t me = Simulation::existing()->core() + 1;
    Node& node = nodes_[me - 1];
    // relaxed, both: the exchange publishes them.
    node.next.store(0, std::memory_order_relaxed);
    node.waits.store(1, std::memory_order_relaxed);
    // acq_rel: publishes the node; sees what the last owner wrote.
    const std::uint32_t before = tail_.exchange(me, std::memory_order_acq_rel);
    if (before == 0) return;
    // release: as above.
    nodes_[before - 1].next.store(me, std::memory_order_release);
    node.waits.SpinWhileEqual(1);
  }
  void Unlock() {
    const std::uint32_t me = Simulation::existing()->core() + 1;
    Node& node = nodes_[me - 1];
    std::uint32_t next = node.next.load(std::memory_order_acquire);
    if (next == 0) {
      std::uint32_t expected = me;
      // release: the next owner sees what this one wrote.
      if (tail_.compare_exchange_strong(expected, 0, std::memory_order_release,
                                        std::memory_order_relaxed))
        return;
      next = node.next.SpinWhileEqual(0);
    }
    // release: as above.
    nodes_[next - 1].waits.store(0, std::memory_order_release);
  }

 private:
  // Cores are numbered from 1 here; 0 is none. The last one is the thread that
  // fills a table before the simulation runs.
  struct alignas(128) Node {
    Atomic<std::uint32_t> next{0};
    Atomic<std::uint32_t> waits{0};
  };

  Atomic<std::uint32_t> tail_{0};
  Node nodes_[kMostCores + 1];
};

template <typename LockT>
class LockArm : public Arm {
 public:
  LockArm(Simulation& simulation, std::size_t /*capacity*/) {
    Memory& memory = simulation.memory();
    const std::size_t first = memory.ranges().size();
    lock_ = memory.Make<LockT>();
    NameRanges(memory, first, {{"lock", sizeof(LockT), LockT::Atomics()}});
  }

  void Lock() override { lock_->Lock(); }
  void Unlock() override { lock_->Unlock(); }

 private:
  LockT* lock_;
};

// A hash map with chains, for at most `capacity` keys, which its lock protects.
// Its nodes are allocated as malloc does it: a node that a thread has freed is
// the next that it gets, and no line is shared for that.
class HashMap {
 public:
  HashMap(Memory& memory, std::size_t capacity)
      : mask_(internal::CeilPowerOfTwo(capacity) - 1),
        buckets_(Array<Link>(memory, mask_ + 1)),
        nodes_(Array<Node>(memory, capacity)),
        header_(Array<Header>(memory, 1)),
        capacity_(capacity),
        freed_(kMostCores + 1) {}

  static std::vector<RangeName> Names() {
    return {
        {"bucket %", sizeof(Link)},
        {"node %", sizeof(Node), {}, {{0, "key"}, {8, "value"}, {16, "next"}}},
        {"map", sizeof(Header), {}, {{0, "size"}}}};
  }

  // Returns false if the map is full. The key is not in the map.
  bool Insert(Key key, std::uint64_t value) {
    const std::uint32_t link = Allocate();
    if (link == 0) return false;
    Node& node = nodes_[link - 1];
    Link& bucket = BucketOf(key);
    node.key.Write(key);
    node.value.Write(value);
    node.next.Write(bucket.Read());
    bucket.Write(link);
    header_->size.Write(header_->size.Read() + 1);
    return true;
  }
  bool Find(Key key) const {
    for (std::uint32_t link = BucketOf(key).Read(); link != 0;) {
      const Node& node = nodes_[link - 1];
      if (node.key.Read() == key) {
        (void)node.value.Read();
        return true;
      }
      link = node.next.Read();
    }
    return false;
  }
  bool Erase(Key key) {
    Link* from = &BucketOf(key);
    for (std::uint32_t link = from->Read(); link != 0;) {
      Node& node = nodes_[link - 1];
      if (node.key.Read() == key) {
        from->Write(node.next.Read());
        header_->size.Write(header_->size.Read() - 1);
        Free(link);
        return true;
      }
      from = &node.next;
      link = from->Read();
    }
    return false;
  }

 private:
  // The number of a node, plus one; 0 is none.
  using Link = Plain<std::uint32_t>;
  struct Node {
    Plain<Key> key;
    Plain<std::uint64_t> value;
    Link next;
  };
  struct Header {
    Plain<std::uint64_t> size;
  };

  // The lists of free nodes are outside of the simulated memory. The lock of
  // the map orders the cores that use them.
  std::uint32_t Allocate() {
    if (Simulation* const simulation = Simulation::running())
      simulation->Advance(simulation->machine().allocation / 2);
    std::vector<std::uint32_t>& mine = freed_[Simulation::existing()->core()];
    if (!mine.empty()) return TakeLast(mine);
    if (used_ < capacity_) return static_cast<std::uint32_t>(++used_);
    for (std::vector<std::uint32_t>& others : freed_)
      if (!others.empty()) return TakeLast(others);
    return 0;
  }
  void Free(std::uint32_t link) {
    freed_[Simulation::existing()->core()].push_back(link);
    if (Simulation* const simulation = Simulation::running())
      simulation->Advance(simulation->machine().allocation / 2);
  }
  static std::uint32_t TakeLast(std::vector<std::uint32_t>& links) {
    const std::uint32_t last = links.back();
    links.pop_back();
    return last;
  }

  template <typename T>
  static T* Array(Memory& memory, std::size_t count) {
    void* const place = memory.Allocate(sizeof(T), count);
    if (place == nullptr) throw std::bad_alloc();
    return static_cast<T*>(place);
  }
  Link& BucketOf(Key key) const { return buckets_[key & mask_]; }

  const std::size_t mask_;
  Link* const buckets_;
  Node* const nodes_;
  Header* const header_;
  const std::size_t capacity_;
  std::size_t used_ = 0;
  std::vector<std::vector<std::uint32_t>> freed_;  // by core
};

// Shards of a map, each under a lock. A thread draws its keys in blocks from
// one counter, so that a run of keys goes to the shards in turn.
template <typename LockT, std::size_t kShards>
class LockedMapArm : public Arm {
 public:
  LockedMapArm(Simulation& simulation, std::size_t capacity) {
    Memory& memory = simulation.memory();
    const std::size_t first = memory.ranges().size();
    next_key_ = memory.Make<Counter>();
    std::vector<RangeName> names = {
        {"key counter", sizeof(Counter), {{"next"}}}};
    for (std::size_t i = 0; i < kShards; ++i) {
      LockT* const lock = memory.Make<LockT>();
      // All keys may be in one shard.
      shards_.push_back({lock, HashMap(memory, capacity)});
      const std::string prefix = "shard " + std::to_string(i) + " ";
      names.push_back({prefix + "lock", sizeof(LockT), LockT::Atomics()});
      for (RangeName& name : HashMap::Names()) {
        name.name = prefix + name.name;
        names.push_back(name);
      }
    }
    NameRanges(memory, first, names);
    blocks_.resize(kMostCores + 1);
  }

  Key New(std::uint64_t value) override {
    const Key key = NextKey();
    const Guard guard(ShardOf(key));
    return guard.map().Insert(key, value) ? key : kNoKey;
  }
  bool Find(Key key) override { return Guard(ShardOf(key)).map().Find(key); }
  bool Delete(Key key) override { return Guard(ShardOf(key)).map().Erase(key); }

 private:
  static constexpr Key kBlock = 1024;

  struct alignas(128) Counter {
    Atomic<Key> next{1};
  };
  struct Shard {
    LockT* lock;
    HashMap map;
  };
  struct Block {
    Key next = 0;
    Key end = 0;
  };
  class Guard {
   public:
    explicit Guard(Shard& shard) : shard_(shard) { shard.lock->Lock(); }
    ~Guard() { shard_.lock->Unlock(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    HashMap& map() const { return shard_.map; }

   private:
    Shard& shard_;
  };

  Shard& ShardOf(Key key) { return shards_[key % kShards]; }
  Key NextKey() {
    Block& block = blocks_[Simulation::existing()->core()];
    if (block.next == block.end) {
      block.next = next_key_->next.fetch_add(kBlock, std::memory_order_relaxed);
      block.end = block.next + kBlock;
    }
    return block.next++;
  }

  Counter* next_key_;
  std::vector<Shard> shards_;
  std::vector<Block> blocks_;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_RIVALS_H_
