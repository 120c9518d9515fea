// The list of the arms.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/simulator/arm.h"
#include "bench/simulator/haft_arms.h"
#include "bench/simulator/restriped_free_list.h"
#include "bench/simulator/rivals.h"
#include "haft/counted_reclamation.h"
#include "haft/global_free_list.h"
#include "haft/hazard_reclamation.h"
#include "haft/magazine_free_list.h"
#include "haft/striped_free_list.h"

namespace haft::simulator {
namespace {

using A = Ability;

template <typename T>
ArmKind Kind(std::string name, std::vector<Ability> abilities) {
  return {
      std::move(name), std::move(abilities),
      [](Simulation& simulation, std::size_t capacity) -> std::unique_ptr<Arm> {
        return std::make_unique<T>(simulation, capacity);
      }};
}

template <typename FreeList>
ArmKind Handles(const std::string& name) {
  return Kind<HandleTableArm<FreeList>>("haft/" + name,
                                        {A::kTable, A::kBounded, A::kStats});
}
template <typename Reclamation>
ArmKind Objects(const std::string& name) {
  return Kind<ObjectTableArm<Reclamation>>(
      "haft/" + name, {A::kTable, A::kBounded, A::kStats, A::kPin, A::kScope});
}
template <typename Lock>
void AddRivals(const std::string& name, std::vector<ArmKind>* arms) {
  arms->push_back(Kind<LockedMapArm<Lock, 1>>(name, {A::kTable, A::kBounded}));
  arms->push_back(Kind<LockedMapArm<Lock, 64>>(name + "-64", {A::kTable}));
  arms->push_back(Kind<LockArm<Lock>>(name + "-lock", {A::kLock}));
}

// For workloads about the machine.
class MachineArm : public Arm {
 public:
  MachineArm(Simulation&, std::size_t) {}
};

std::vector<ArmKind> MakeArms() {
  std::vector<ArmKind> arms = {
      Handles<MagazineFreeList>("magazine"),
      Handles<BasicMagazineFreeList<8>>("magazine-8"),
      Handles<BasicMagazineFreeList<16>>("magazine-16"),
      Handles<BasicMagazineFreeList<32>>("magazine-32"),
      Handles<BasicMagazineFreeList<64>>("magazine-64"),
      Handles<BasicMagazineFreeList<255>>("magazine-255"),
      Handles<RestripedFreeList<1>>("stripes-1"),
      Handles<RestripedFreeList<4>>("stripes-4"),
      Handles<RestripedFreeList<16>>("stripes-16"),
      Handles<RestripedFreeList<64>>("stripes-64"),
      Handles<RestripedFreeList<256>>("stripes-256"),
      Handles<StripedFreeList>("striped"),
      Handles<GlobalFreeList>("global"),
      Objects<HazardReclamation>("hazard"),
      Objects<CountedReclamation>("counted"),
  };
  AddRivals<FutexMutex>("mutex", &arms);
  AddRivals<TicketLock>("ticket", &arms);
  AddRivals<McsLock>("mcs", &arms);
  arms.push_back(Kind<MachineArm>("machine", {}));
  return arms;
}

}  // namespace

const char* AbilityName(Ability ability) {
  switch (ability) {
    case A::kTable:
      return "New, Find and Delete";
    case A::kBounded:
      return "a bound that New observes";
    case A::kStats:
      return "Stats";
    case A::kPin:
      return "Pin";
    case A::kScope:
      return "Scope";
    case A::kLock:
      return "Lock";
    case A::kNone:
      return "nothing but the machine";
  }
  return "";
}

bool ArmKind::Can(Ability ability) const {
  if (ability == A::kNone) return abilities.empty();
  return std::find(abilities.begin(), abilities.end(), ability) !=
         abilities.end();
}

const std::vector<ArmKind>& Arms() {
  static const std::vector<ArmKind> arms = MakeArms();
  return arms;
}

}  // namespace haft::simulator
