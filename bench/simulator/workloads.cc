#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "bench/simulator/library.h"
#include "bench/simulator/names.h"
#include "bench/simulator/ring.h"
#include "bench/simulator/workload.h"
#include "haft/internal/base/sync.h"

namespace haft::simulator {

std::vector<Key> Run::Stock(std::size_t count) {
  std::vector<Key> keys(count);
  for (Key& key : keys) {
    key = arm_.New(1);
    Check(key != kNoKey);
  }
  return keys;
}

void Run::Check(bool is_right) {
  if (is_right) return;
  std::fputs("simulator: an arm has given a wrong answer\n", stderr);
  std::abort();
}

namespace {

// Words of the workload's own that cores share, each on a line of its own.
struct alignas(128) SharedWord {
  internal::sync::Atomic<std::uint64_t> word{0};
};

// Makes `count` objects and names them.
template <typename T>
std::vector<T*> MakeShared(Simulation* simulation, std::size_t count,
                           const std::string& name,
                           const std::vector<AtomicName>& atomics) {
  Memory& memory = simulation->memory();
  std::vector<T*> objects;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = memory.ranges().size();
    objects.push_back(memory.Make<T>());
    NameRanges(memory, first,
               {{name + " " + std::to_string(i), sizeof(T), atomics}});
  }
  return objects;
}

class Churn : public Run {
 public:
  Churn(Simulation* simulation, Arm* arm, const Parameters& parameters,
        Measurement* measurement)
      : Run(simulation, arm, parameters, measurement),
        keys_(Stock(std::max<std::size_t>(parameters.live, cores()))) {}

  void Work(CoreNumber core) override {
    Repeat(core, [this] { return NewAndDelete(); });
  }

 protected:
  unsigned NewAndDelete() {
    const Key key = arm_.New(1);
    Check(key != kNoKey);
    Check(arm_.Delete(key));
    return 1;
  }
  void LookUp() {
    Check(arm_.Find(keys_[simulation_.random().Below(keys_.size())]));
  }

  const std::vector<Key> keys_;
};

class Burst : public Churn {
 public:
  using Churn::Churn;

  void Work(CoreNumber core) override {
    std::vector<Key> keys(parameters_.burst);
    Repeat(core, [&] {
      for (Key& key : keys) {
        key = arm_.New(1);
        Check(key != kNoKey);
      }
      for (const Key key : keys) Check(arm_.Delete(key));
      return keys.size();
    });
  }
};

class FindHot : public Churn {
 public:
  using Churn::Churn;

  void Work(CoreNumber core) override {
    Repeat(core, [this] {
      Check(arm_.Find(keys_[0]));
      return 1;
    });
  }
};

class FindUniform : public Churn {
 public:
  using Churn::Churn;

  void Work(CoreNumber core) override {
    // Each key twice, from another one on, so that all lines are in the cache:
    // at its first use by a core, an object's line may be written.
    LookUpAll(core);
    simulation_.Meet(&meeting_, cores());
    LookUpAll(core);
    Repeat(core, [this] {
      LookUp();
      return 1;
    });
  }

 private:
  void LookUpAll(CoreNumber core) {
    const std::size_t first = core * keys_.size() / cores();
    for (std::size_t i = 0; i < keys_.size(); ++i)
      Check(arm_.Find(keys_[(first + i) % keys_.size()]));
  }

  Simulation::Meeting meeting_;
};

// 90 % look-ups, 5 % New and 5 % Delete, each core in its own share of the
// keys.
class Mixed : public Churn {
 public:
  using Churn::Churn;

  void Work(CoreNumber core) override {
    const std::size_t each = keys_.size() / cores();
    std::vector<Key> keys(
        keys_.begin() + static_cast<std::ptrdiff_t>(core * each),
        keys_.begin() + static_cast<std::ptrdiff_t>((core + 1) * each));
    for (const Key key : keys) Check(arm_.Find(key));
    Key spare = kNoKey;
    Repeat(core, [&] {
      Key& key = keys[simulation_.random().Below(keys.size())];
      if (simulation_.random().Below(10) != 0) {
        Check(arm_.Find(key));
      } else if (spare == kNoKey) {
        spare = arm_.New(1);
        Check(spare != kNoKey);
      } else {
        Check(arm_.Delete(key));
        key = std::exchange(spare, kNoKey);
      }
      return 1;
    });
  }
};

// All cores read and replace the same cells. A look-up may miss, because
// another core may just have deleted the key. The steps are those of the
// measured shared-mix: of nineteen, one replaces a key, so that of 100
// operations 90 are look-ups.
class SharedMix : public Churn {
 public:
  SharedMix(Simulation* simulation, Arm* arm, const Parameters& parameters,
            Measurement* measurement)
      : Churn(simulation, arm, parameters, measurement) {
    Memory& memory = simulation->memory();
    const std::size_t first = memory.ranges().size();
    void* const place = memory.Allocate(sizeof(Cell), keys_.size());
    if (place == nullptr) throw std::bad_alloc();
    NameRanges(memory, first, {{"shared cell %", sizeof(Cell)}});
    cells_ = static_cast<Cell*>(place);
    for (std::size_t i = 0; i < keys_.size(); ++i)
      new (&cells_[i]) Cell(keys_[i]);
  }

  void Work(CoreNumber core) override {
    // So that the lines of the table are in some cache, as after a warm-up.
    const std::size_t first = core * keys_.size() / cores();
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const Cell& cell = cells_[(first + i) % keys_.size()];
      // acquire: as below.
      (void)arm_.Find(cell.load(std::memory_order_acquire));
    }
    Repeat(core, [this] {
      Cell& cell = cells_[simulation_.random().Below(keys_.size())];
      if (simulation_.random().Below(19) != 0) {
        // acquire: the key's New happens before its look-up.
        (void)arm_.Find(cell.load(std::memory_order_acquire));
        return 1;
      }
      const Key key = arm_.New(1);
      Check(key != kNoKey);
      // acq_rel: hands the new key over, and takes the old one, which no other
      // core can delete.
      Check(arm_.Delete(cell.exchange(key, std::memory_order_acq_rel)));
      return 2;
    });
  }

 private:
  using Cell = internal::sync::Atomic<Key>;

  Cell* cells_;
};

// One core makes keys, another one deletes them.// One core makes keys, another
// one deletes them. Cores 2i and 2i + 1 are a pair, or cores i and i + n/2, if
// `kFar`.
template <bool kFar>
class HandOff : public Churn {
 public:
  HandOff(Simulation* simulation, Arm* arm, const Parameters& parameters,
          Measurement* measurement)
      : Churn(simulation, arm, parameters, measurement),
        rings_(MakeShared<Ring>(simulation, cores() / 2, "ring",
                                {{"tail"}, {"head"}})) {
    std::vector<bool> counts(cores());
    for (CoreNumber core = 0; core < cores(); ++core)
      counts[core] = !IsProducer(core);
    measurement->CountOnly(counts);
  }

  void Work(CoreNumber core) override {
    Ring& ring = *rings_[kFar ? core % (cores() / 2) : core / 2];
    Repeat(core, [&] {
      return IsProducer(core) ? Produce(ring, core) : Consume(ring, core);
    });
  }

 private:
  bool IsProducer(CoreNumber core) const {
    return kFar ? core < cores() / 2 : core % 2 == 0;
  }
  unsigned Produce(Ring& ring, CoreNumber core) {
    const Key key = arm_.New(1);
    Check(key != kNoKey);
    while (!ring.TryPush(key)) {
      if (!measurement_.GoesOn(core)) return 0;
      simulation_.Yield();
    }
    return 1;
  }
  unsigned Consume(Ring& ring, CoreNumber core) {
    Key key;
    while (!ring.TryPop(&key)) {
      if (!measurement_.GoesOn(core)) return 0;
      simulation_.Yield();
    }
    Check(arm_.Delete(key));
    return 1;
  }

  const std::vector<Ring*> rings_;
};

// New on a table that is full.
class Full : public Run {
 public:
  Full(Simulation* simulation, Arm* arm, const Parameters& parameters,
       Measurement* measurement)
      : Run(simulation, arm, parameters, measurement) {
    while (arm->New(1) != kNoKey) {
    }
  }

  void Work(CoreNumber core) override {
    Repeat(core, [this] {
      Check(arm_.New(1) == kNoKey);
      return 1;
    });
  }
};

// New without Delete, until each core has made its part of the keys.
class Grow : public Run {
 public:
  Grow(Simulation* simulation, Arm* arm, const Parameters& parameters,
       Measurement* measurement)
      : Run(simulation, arm, parameters, measurement) {
    (void)Stock(parameters.live);
  }

  void Work(CoreNumber core) override {
    Repeat(core, [this] {
      Check(arm_.New(1) != kNoKey);
      return 1;
    });
  }
};

// Core 0 asks for Stats, again and again, while the others churn.
class Stats : public Churn {
 public:
  Stats(Simulation* simulation, Arm* arm, const Parameters& parameters,
        Measurement* measurement)
      : Churn(simulation, arm, parameters, measurement) {
    std::vector<bool> counts(cores(), true);
    counts[0] = false;
    measurement->CountOnly(counts);
  }

  void Work(CoreNumber core) override {
    Repeat(core, [this, core] {
      if (core != 0) return NewAndDelete();
      (void)arm_.Stats();
      return 1u;
    });
  }
};

// Threads that live for a few operations. Each core has one at a time.
class ThreadChurn : public Churn {
 public:
  using Churn::Churn;

  void Work(CoreNumber core) override {
    Repeat(core, [this] {
      for (std::size_t i = 0; i < parameters_.thread_operations; ++i) {
        NewAndDelete();
        Loop();
      }
      EndThread();
      return 1;
    });
  }
};

// Churn beside threads that have used the table once and sleep. They have no
// core, so that no barrier interrupts them.
class ChurnBesideIdle : public Churn {
 public:
  ChurnBesideIdle(Simulation* simulation, Arm* arm,
                  const Parameters& parameters, Measurement* measurement)
      : Churn(simulation, arm, parameters, measurement) {
    const OtherThreads sleepers(*simulation, parameters.bystanders);
    for (std::size_t i = 0; i < parameters.bystanders; ++i)
      sleepers.RunAs(i, [this] { NewAndDelete(); });
  }
};

// All cores look up a key that no core has looked up before, at the same time.
class FirstUse : public Run {
 public:
  using Run::Run;

  void Work(CoreNumber core) override {
    for (CoreNumber round = 0; measurement_.GoesOn(core); ++round) {
      const bool is_maker = round % cores() == core;
      if (is_maker) key_ = arm_.New(1);
      simulation_.Meet(&meeting_, cores());
      const Time since = simulation_.now();
      Check(arm_.Find(key_));
      Loop();
      measurement_.Count(core, since, 1);
      simulation_.Meet(&meeting_, cores());
      if (is_maker) Check(arm_.Delete(key_));
      // They leave a meeting at one time, so that all go on or none does.
      simulation_.Meet(&meeting_, cores());
    }
  }

 private:
  Simulation::Meeting meeting_;
  Key key_ = kNoKey;
};

// Each core deletes objects that it has pinned, while bystanders look others
// up.
class DeletePinned : public Churn {
 public:
  DeletePinned(Simulation* simulation, Arm* arm, const Parameters& parameters,
               Measurement* measurement)
      : Churn(simulation, arm, parameters, measurement),
        workers_(cores() - static_cast<unsigned>(std::min<std::size_t>(
                               cores() - 1, parameters.bystanders))) {
    std::vector<bool> counts(cores());
    for (CoreNumber core = 0; core < workers_; ++core) counts[core] = true;
    measurement->CountOnly(counts);
  }

  void Work(CoreNumber core) override {
    if (core >= workers_) {
      LookUp();
      measurement_.AwaitLead();
    }
    Repeat(core, [this, core] {
      if (core < workers_) {
        const Key key = arm_.New(1);
        Check(key != kNoKey);
        Check(arm_.DeletePinned(key));
      } else {
        LookUp();
      }
      return 1;
    });
  }

 private:
  const unsigned workers_;
};

// A read scope with a few look-ups of keys that all cores share; one operation
// in twenty replaces one of those keys.
class Scope : public Churn {
 public:
  Scope(Simulation* simulation, Arm* arm, const Parameters& parameters,
        Measurement* measurement)
      : Churn(simulation, arm, parameters, measurement), shared_(keys_) {}

  void Work(CoreNumber core) override {
    // So that all objects have been used, and all lines are in the cache.
    (void)arm_.FindInScope(keys_);
    std::vector<Key> keys(parameters_.finds);
    Repeat(core, [&] {
      simulation_.AwaitTurn();
      if (simulation_.random().Below(20) == 0) {
        Replace();
      } else {
        for (Key& key : keys)
          key = shared_[simulation_.random().Below(shared_.size())];
        // A key may have been deleted since.
        (void)arm_.FindInScope(keys);
      }
      return 1;
    });
  }

 private:
  void Replace() {
    Key& cell = shared_[simulation_.random().Below(shared_.size())];
    // Another core may have been faster.
    if (!arm_.Delete(cell)) return;
    const Key key = arm_.New(1);
    Check(key != kNoKey);
    simulation_.AwaitTurn();
    cell = key;
  }

  std::vector<Key> shared_;
};

class LockAndUnlock : public Run {
 public:
  LockAndUnlock(Simulation* simulation, Arm* arm, const Parameters& parameters,
                Measurement* measurement)
      : Run(simulation, arm, parameters, measurement),
        word_(MakeShared<SharedWord>(simulation, 1, "protected word", {{""}})[0]
                  ->word) {}

  void Work(CoreNumber core) override {
    Repeat(core, [this] {
      arm_.Lock();
      const std::uint64_t before = word_.load(std::memory_order_relaxed);
      word_.store(before + 1, std::memory_order_relaxed);
      // The store may still be pending, and the lock must order it.
      Check(word_.load(std::memory_order_relaxed) == before + 1);
      arm_.Unlock();
      return 1;
    });
  }

 private:
  internal::sync::Atomic<std::uint64_t>& word_;
};

class FetchAdd : public Run {
 public:
  FetchAdd(Simulation* simulation, Arm* arm, const Parameters& parameters,
           Measurement* measurement)
      : Run(simulation, arm, parameters, measurement),
        word_(MakeShared<SharedWord>(simulation, 1, "shared word", {{""}})[0]
                  ->word) {}

  void Work(CoreNumber core) override {
    Repeat(core, [this] {
      word_.fetch_add(1, std::memory_order_relaxed);
      return 1;
    });
  }

 private:
  internal::sync::Atomic<std::uint64_t>& word_;
};

class OwnCas : public Run {
 public:
  OwnCas(Simulation* simulation, Arm* arm, const Parameters& parameters,
         Measurement* measurement)
      : Run(simulation, arm, parameters, measurement),
        words_(
            MakeShared<SharedWord>(simulation, cores(), "own word", {{""}})) {}

  void Work(CoreNumber core) override {
    internal::sync::Atomic<std::uint64_t>& word = words_[core]->word;
    std::uint64_t expected = 0;
    Repeat(core, [&] {
      Check(word.compare_exchange_strong(expected, expected + 1,
                                         std::memory_order_acq_rel,
                                         std::memory_order_relaxed));
      ++expected;
      return 1;
    });
  }

 private:
  const std::vector<SharedWord*> words_;
};

// Pairs of cores, as those of HandOff, hand a word to and fro by
// compare-and-swaps that each side repeats until one succeeds.
template <bool kFar>
class PingPong : public Run {
 public:
  PingPong(Simulation* simulation, Arm* arm, const Parameters& parameters,
           Measurement* measurement)
      : Run(simulation, arm, parameters, measurement),
        words_(
            MakeShared<SharedWord>(simulation, cores() / 2, "ball", {{""}})) {}

  void Work(CoreNumber core) override {
    const unsigned half = cores() / 2;
    internal::sync::Atomic<std::uint64_t>& word =
        words_[kFar ? core % half : core / 2]->word;
    const std::uint64_t mine = kFar ? core / half : core % 2;
    Repeat(core, [&] {
      std::uint64_t expected = mine;
      while (!word.compare_exchange_strong(expected, 1 - mine,
                                           std::memory_order_acq_rel,
                                           std::memory_order_relaxed)) {
        if (!measurement_.GoesOn(core)) return 0;
        expected = mine;
      }
      return 1;
    });
  }

 private:
  const std::vector<SharedWord*> words_;
};

template <typename T>
std::unique_ptr<Run> Make(Simulation* simulation, Arm* arm,
                          const Parameters& parameters,
                          Measurement* measurement) {
  return std::make_unique<T>(simulation, arm, parameters, measurement);
}

template <std::uint64_t kOperations>
std::uint64_t Fixed(const Parameters&) {
  return kOperations;
}
std::uint64_t TwoBursts(const Parameters& parameters) {
  return 2 * parameters.burst;
}

std::size_t Few(const Parameters& parameters, unsigned cores) {
  return parameters.live + 4 * std::size_t{cores};
}
std::size_t Bursts(const Parameters& parameters, unsigned cores) {
  return parameters.live + (parameters.burst + 1) * cores;
}
std::size_t Rings(const Parameters& parameters, unsigned cores) {
  return parameters.live + (Ring::kCapacity + 2) * cores;
}
constexpr std::uint64_t kPart = 1024;  // keys of a core that grows
std::size_t Parts(const Parameters& parameters, unsigned cores) {
  const std::size_t part = parameters.share != 0 ? parameters.share : kPart;
  return parameters.live + part * cores;
}
std::size_t Live(const Parameters& parameters, unsigned) {
  return parameters.live;
}

}  // namespace

const std::vector<Workload>& Workloads() {
  using A = Ability;
  static const std::vector<Workload> workloads = {
      {"churn", "a New and a Delete of one key", A::kTable, 1, false,
       Fixed<300>, false, Few, Make<Churn>},
      {"burst", "`burst` times New, then as often Delete; counts pairs",
       A::kTable, 1, false, TwoBursts, false, Bursts, Make<Burst>},
      {"find-hot", "all look up the same key", A::kTable, 1, false, Fixed<4>,
       false, Few, Make<FindHot>},
      {"find-uniform", "look-ups of `live` keys", A::kTable, 1, false,
       Fixed<100>, false, Few, Make<FindUniform>},
      {"mixed", "90 % look-ups, 5 % New, 5 % Delete, each core in its own keys",
       A::kTable, 1, false, Fixed<100>, false, Few, Make<Mixed>},
      {"shared-mix", "as mixed, but all cores read and replace the same keys",
       A::kTable, 1, false, Fixed<100>, false, Few, Make<SharedMix>},
      {"hand-off-near",
       "core 2i makes keys that core 2i + 1 deletes; counts keys", A::kTable, 2,
       true, Fixed<1000>, false, Rings, Make<HandOff<false>>},
      {"hand-off-far",
       "core i makes keys that core i + n/2 deletes; counts keys", A::kTable, 2,
       true, Fixed<1000>, false, Rings, Make<HandOff<true>>},
      {"full", "New on a full table", A::kBounded, 1, false, Fixed<4>, false,
       Live, Make<Full>},
      {"grow",
       "New without Delete, until each core has made `share` keys (1024); no "
       "warm-up",
       A::kTable, 1, false, Fixed<kPart>, true, Parts, Make<Grow>},
      {"stats", "churn, while core 0 asks for Stats", A::kStats, 2, false,
       Fixed<300>, false, Few, Make<Stats>},
      {"thread-churn",
       "a thread begins, churns `thread_operations` times and ends; counts "
       "threads",
       A::kTable, 1, false, Fixed<4>, false, Few, Make<ThreadChurn>},
      {"idle",
       "churn, beside `bystanders` threads that have used the table once and "
       "sleep",
       A::kTable, 1, false, Fixed<300>, false, Few, Make<ChurnBesideIdle>},
      {"first-calls",
       "the first four churns of all cores, begun together; no warm-up",
       A::kTable, 1, false, Fixed<4>, true, Few, Make<Churn>},
      {"first-use",
       "all look up a new key for the first time, together; look at latency",
       A::kTable, 1, false, Fixed<4>, false, Few, Make<FirstUse>},
      {"delete-pinned",
       "New, Pin, Delete, Unpin, beside `bystanders` cores that look up",
       A::kPin, 1, false, Fixed<4>, false, Few, Make<DeletePinned>},
      {"scope",
       "a read scope with `finds` look-ups of shared keys; 5 % replace one",
       A::kScope, 1, false, Fixed<20>, false, Few, Make<Scope>},
      {"lock", "Lock, add to the protected word, Unlock", A::kLock, 1, false,
       Fixed<4>, false, Live, Make<LockAndUnlock>},
      {"fetch-add", "an addition to one shared word", A::kNone, 1, false,
       Fixed<4>, false, Live, Make<FetchAdd>},
      {"own-cas", "a compare-and-swap of the core's own word", A::kNone, 1,
       false, Fixed<4>, false, Live, Make<OwnCas>},
      {"ping-pong-near", "cores 2i and 2i + 1 hand a word to and fro", A::kNone,
       2, true, Fixed<4>, false, Live, Make<PingPong<false>>},
      {"ping-pong-far", "cores i and i + n/2 hand a word to and fro", A::kNone,
       2, true, Fixed<4>, false, Live, Make<PingPong<true>>},
  };
  return workloads;
}

}  // namespace haft::simulator
