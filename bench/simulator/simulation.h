// A simulation: the cores of a machine, each at its own point of simulated
// time, in one real thread.
//
// Cores are coroutines. Each access to shared memory costs its core time, and
// the core whose clock is lowest goes on, so that the order of the accesses is
// that of simulated time. A core may get ahead of the others by less than the
// time that a request takes to reach a line, since until then nothing that they
// do can concern it.
//
// The model of a core: it waits for each load and each read-modify-write. A
// store goes into a *store buffer*, from where stores reach memory in their
// order (total store order, on every machine). A read-modify-write and a
// seq_cst store wait until the buffer is empty. A core that finds a line in its
// own cache needs no other core; directory.h says how lines move.
//
// Not modelled: the capacity of caches, the TLB, the overlap of loads, the
// bandwidth of links, SMT, the frequency of cores, the scheduler of the
// operating system, the locks of its futexes, the weaker order of stores on
// AArch64.

#ifndef HAFT_BENCH_SIMULATOR_SIMULATION_H_
#define HAFT_BENCH_SIMULATOR_SIMULATION_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "bench/simulator/core_set.h"
#include "bench/simulator/coroutine.h"
#include "bench/simulator/directory.h"
#include "bench/simulator/event_queue.h"
#include "bench/simulator/machine.h"
#include "bench/simulator/memory.h"
#include "bench/simulator/random.h"

namespace haft::simulator {

class Simulation {
 public:
  // `cores` is from 1 to kMostCores. Only one simulation exists at a time.
  Simulation(const Machine& machine, unsigned cores, Time hold,
             std::uint64_t seed, const Faults& faults = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  const Machine& machine() const noexcept { return machine_; }
  unsigned cores() const noexcept { return static_cast<unsigned>(count_); }
  Memory& memory() noexcept { return memory_; }
  Directory& directory() noexcept { return directory_; }

  // Runs body(core) on each core until all have returned. Aborts with a message
  // if cores wait for each other for ever.
  void Run(std::function<void(CoreNumber)> body);
  // Calls f() at a time, outside of all cores.
  void At(Time time, std::function<void()> f);

  // The simulation whose cores run at the moment; nullptr outside of Run. There
  // an access costs nothing.
  static Simulation* running() noexcept { return running_; }
  // The simulation that exists; nullptr if there is none.
  static Simulation* existing() noexcept { return existing_; }

  // For the bodies.

  // The core that runs; kMostCores outside of Run.
  CoreNumber core() const noexcept { return core_; }
  Time now() const noexcept { return now_; }
  // The core computes for so long.
  void Advance(Time cost) noexcept {
    now_ += cost;
    if (now_ < horizon_) return;
    ResumeAt(core_, now_);
    Suspend();
  }
  // Returns when no other core is behind. To be called before a core reads or
  // writes what the program keeps for several cores outside of the memory.
  void AwaitTurn() noexcept {
    ResumeAt(core_, now_);
    Suspend();
  }
  // The random numbers of the core that runs.
  Random& random() noexcept { return cores_[core_].random; }
  // Cores that wait for each other in a workload. It costs nothing.
  class Meeting {
   private:
    friend class Simulation;
    std::vector<CoreNumber> cores_;
    Time latest_ = 0;
  };
  // Waits until `count` cores have come and have no stores pending.
  void Meet(Meeting* meeting, unsigned count) noexcept;
  // Waits until Dismiss.
  void Wait(Meeting* meeting) noexcept;
  // Lets all who wait go on, within kLatestStart.
  void Dismiss(Meeting* meeting) noexcept;

  // For the seam and what is written over it. An address is that of an aligned
  // object of `size` bytes, 8 at most, and a value is its bytes.

  std::uint64_t Load(const void* address, std::size_t size) noexcept;
  void Store(void* address, std::size_t size, std::uint64_t value) noexcept;
  // Returns when the core is the owner of the line and has no store pending. It
  // may then read and write the object, before it calls FinishModify.
  void BeginModify(const void* address) noexcept;
  void FinishModify(const void* address) noexcept;
  void CountFailedCompareAndSwap() noexcept {
    ++directory_.traffic().failed_compare_and_swaps;
  }
  void Prefetch(const void* address) noexcept;
  // Returns when the object may have another value than `value`. Costs nothing
  // while no other core writes to the line.
  void SpinWhileEqual(const void* address, std::size_t size,
                      std::uint64_t value) noexcept;
  void HeavyBarrier() noexcept;
  void Yield() noexcept { Advance(machine_.yield); }
  // A futex. Wait goes to sleep if the object equals `value`.
  void FutexWait(const void* address, std::size_t size,
                 std::uint64_t value) noexcept;
  void FutexWake(const void* address, unsigned most) noexcept;

 private:
  struct PendingStore {
    void* address;
    std::size_t size;
    std::uint64_t value;
    std::uint32_t line;
    unsigned word;
  };

  struct Core {
    Core(std::uint64_t seed, void (*serve)(void*), Simulation* simulation)
        : coroutine(serve, simulation), random(seed) {}

    Coroutine coroutine;
    Random random;
    std::deque<PendingStore> stores;
    std::uint64_t stores_made = 0;
    std::uint64_t stores_done = 0;
    std::vector<std::uint32_t> requests;  // under way
    CoreSet await_stores;       // cores that wait for one of them to be done
    bool awaits_store = false;  // the core itself does
    bool is_idle = true;        // asleep, or not running
    Time delay = 0;             // by interrupts that it has still to take
  };

  struct Place {
    std::uint32_t line;
    unsigned word;
  };

  static void Serve(void* simulation);

  // The event loop. Runs other cores until the calling core goes on.
  void Suspend() noexcept;
  // Returns the core that goes on next; kMostCores if all have finished.
  CoreNumber NextCore() noexcept;
  void SwitchTo(CoreNumber next) noexcept;
  Coroutine& CoroutineOf(CoreNumber core) noexcept {
    return core == kMostCores ? outside_ : cores_[core].coroutine;
  }
  void ResumeAt(CoreNumber core, Time time) {
    resumes_.Add(time, Event::Kind::kResume, core, core, 0);
    LowerHorizon(time + lookahead_);
  }
  void LowerHorizon(Time time) noexcept { horizon_ = std::min(horizon_, time); }
  // Returns whether the core goes on now, or has to take an interrupt first.
  bool GoesOn(CoreNumber core);
  // Returns whether the core of a request that is done goes on at once.
  bool FinishRequest(std::uint32_t number);

  Place PlaceOf(const void* address) noexcept;
  // Returns the core's own request for the line, or kNone.
  std::uint32_t FindRequest(const Core& core,
                            std::uint32_t line) const noexcept;
  std::uint32_t Send(std::uint32_t line, bool is_exclusive, Time least);
  void Await(std::uint32_t request, Place place) noexcept;
  void Own(Place place, Time least) noexcept;
  void AwaitStores(std::size_t most_left) noexcept;
  // Moves those stores of a core to memory that it can. Returns whether there
  // were any.
  bool FinishStores(CoreNumber number) noexcept;
  void Write(void* address, std::size_t size, std::uint64_t value,
             std::uint32_t line) noexcept;
  void StopSpinning(CoreNumber core) noexcept;
  void TellSpinning(std::uint32_t line) noexcept;

  inline static Simulation* existing_ = nullptr;
  inline static Simulation* running_ = nullptr;

  const Machine machine_;
  const Faults faults_;
  const std::size_t count_;
  const Topology topology_;
  Memory memory_;
  EventQueue events_;   // of lines
  EventQueue resumes_;  // of cores
  Directory directory_;
  const Time lookahead_;
  // The core that runs need not care for the others before this.
  Time horizon_ = 0;
  Coroutine outside_;
  std::deque<Core> cores_;
  CoreNumber core_ = kMostCores;
  Time now_ = 0;
  std::function<void(CoreNumber)> body_;
  std::size_t finished_ = 0;
  std::vector<std::function<void()>> calls_;
  struct Sleeper {
    const void* address;
    CoreNumber core;
  };
  std::deque<Sleeper> sleepers_;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_SIMULATION_H_
