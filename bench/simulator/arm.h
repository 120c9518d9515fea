// An arm: one implementation of a table or of a lock, as the workloads use it.

#ifndef HAFT_BENCH_SIMULATOR_ARM_H_
#define HAFT_BENCH_SIMULATOR_ARM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/simulator/simulation.h"

namespace haft::simulator {

using Key = std::uintptr_t;
inline constexpr Key kNoKey = 0;

// What an arm can do. A workload needs some of these.
enum class Ability : unsigned char {
  kTable,    // New, Find, Delete
  kBounded,  // New fails if the table is full
  kStats,
  kPin,    // DeletePinned
  kScope,  // FindInScope
  kLock,   // Lock, Unlock
  kNone,   // nothing: the workload is about the machine
};
const char* AbilityName(Ability ability);

// The calls cost no more simulated time than the accesses of the
// implementation: it is no matter that they are virtual. One that an arm has
// no ability for must not be called.
class Arm {
 public:
  Arm() = default;
  virtual ~Arm() = default;
  Arm(const Arm&) = delete;
  Arm& operator=(const Arm&) = delete;

  // Returns kNoKey if the table is full.
  virtual Key New(std::uint64_t /*value*/) { return kNoKey; }
  // These return whether the key is live.
  virtual bool Find(Key) { return false; }
  virtual bool Delete(Key) { return false; }
  // Deletes the key while the caller has it pinned, then unpins it.
  virtual bool DeletePinned(Key) { return false; }
  // Looks up all keys in one read scope. Returns how many are live.
  virtual std::size_t FindInScope(const std::vector<Key>&) { return 0; }
  // Returns how many keys are live.
  virtual std::size_t Stats() { return 0; }
  virtual void Lock() {}
  virtual void Unlock() {}
};

struct ArmKind {
  std::string name;
  std::string meaning;
  std::vector<Ability> abilities;
  // Makes an arm, in the memory of the simulation, for `capacity` live keys.
  // The library must be started before (library.h).
  std::unique_ptr<Arm> (*make)(Simulation&, std::size_t capacity);

  bool Can(Ability ability) const;
};

// All arms, in the order in which they are listed.
const std::vector<ArmKind>& Arms();

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_ARM_H_
