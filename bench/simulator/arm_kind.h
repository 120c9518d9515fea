// How an arm gets into the list of arms.

#ifndef HAFT_BENCH_SIMULATOR_ARM_KIND_H_
#define HAFT_BENCH_SIMULATOR_ARM_KIND_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/simulator/arm.h"
#include "bench/simulator/haft_arms.h"
#include "bench/simulator/library.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::simulator {
inline namespace HAFT_ABI {

// An arm of the class T.
template <typename T>
ArmKind Kind(std::string name, std::string meaning,
             std::vector<Ability> abilities) {
  return {
      std::move(name), std::move(meaning), std::move(abilities),
      [](Simulation& simulation, std::size_t capacity) -> std::unique_ptr<Arm> {
        StartLibrary(simulation);
        return std::make_unique<T>(simulation, capacity);
      }};
}

template <typename FreeList>
ArmKind Handles(std::string name, std::string meaning) {
  return Kind<HandleTableArm<FreeList>>(
      std::move(name), std::move(meaning),
      {Ability::kTable, Ability::kBounded, Ability::kStats});
}
template <typename Reclamation>
ArmKind Objects(std::string name, std::string meaning) {
  return Kind<ObjectTableArm<Reclamation>>(
      std::move(name), std::move(meaning),
      {Ability::kTable, Ability::kBounded, Ability::kStats, Ability::kPin,
       Ability::kScope});
}

// The same in a system that has no heavy barrier.
template <typename Reclamation>
ArmKind WithoutHeavyBarrier(std::string name, std::string meaning) {
  ArmKind kind = Objects<Reclamation>(std::move(name), std::move(meaning));
  kind.make = [](Simulation& simulation,
                 std::size_t capacity) -> std::unique_ptr<Arm> {
    StartLibrary(simulation);
    internal::sync::has_heavy_barrier = false;
    return std::make_unique<ObjectTableArm<Reclamation>>(simulation, capacity);
  };
  return kind;
}

}  // namespace HAFT_ABI
}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_ARM_KIND_H_
