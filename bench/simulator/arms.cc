// The list of the arms.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/simulator/arm.h"
#include "bench/simulator/arm_kind.h"
#include "bench/simulator/haft_arms.h"
#include "bench/simulator/proposals/proposals.h"
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

template <unsigned kSize>
ArmKind Magazines() {
  const std::string size = std::to_string(kSize);
  return Handles<BasicMagazineFreeList<kSize>>(
      "haft/magazine-" + size, "`HandleTable` with magazines of " + size);
}
template <unsigned kStripes>
ArmKind Stripes() {
  const std::string stripes = std::to_string(kStripes);
  return Handles<RestripedFreeList<kStripes>>(
      "haft/stripes-" + stripes, "the default `HandleTable`, whose depot has " +
                                     stripes +
                                     (kStripes == 1 ? " stripe" : " stripes"));
}
template <typename Lock>
void AddRivals(const std::string& name, const std::string& lock,
               std::vector<ArmKind>* arms) {
  arms->push_back(Kind<LockedMapArm<Lock, 1>>(name, "a hash map under " + lock,
                                              {A::kTable, A::kBounded}));
  arms->push_back(Kind<LockedMapArm<Lock, 64>>(
      name + "-64", "64 hash maps, each under " + lock, {A::kTable}));
  arms->push_back(
      Kind<LockArm<Lock>>(name + "-lock", lock + " alone", {A::kLock}));
}

// For workloads about the machine.
class MachineArm : public Arm {
 public:
  MachineArm(Simulation&, std::size_t) {}
};

std::vector<ArmKind> MakeArms() {
  std::vector<ArmKind> arms = {
      Handles<MagazineFreeList>(
          "haft/magazine",
          "`HandleTable` as it is by default: magazines of 128"),
      Magazines<8>(),
      Magazines<16>(),
      Magazines<32>(),
      Magazines<64>(),
      Magazines<255>(),
      Stripes<1>(),
      Stripes<2>(),
      Stripes<4>(),
      Stripes<8>(),
      Stripes<16>(),
      Stripes<32>(),
      Stripes<64>(),
      Stripes<128>(),
      Stripes<256>(),
      Handles<StripedFreeList>("haft/striped",
                               "`HandleTable` with `StripedFreeList`"),
      Handles<GlobalFreeList>("haft/global",
                              "`HandleTable` with `GlobalFreeList`"),
      Objects<HazardReclamation>("haft/hazard",
                                 "`ObjectTable` as it is by default"),
      Objects<CountedReclamation>("haft/counted",
                                  "`ObjectTable` with `CountedReclamation`"),
      WithoutHeavyBarrier<HazardReclamation>(
          "haft/hazard-fenced",
          "the same as `haft/hazard` in a system without `membarrier`: each "
          "unpin is a read-modify-write"),
  };
  AddRivals<FutexMutex>("mutex", "a mutex that sleeps in the system", &arms);
  AddRivals<TicketLock>("ticket", "a ticket lock", &arms);
  AddRivals<McsLock>("mcs", "an MCS lock", &arms);
  AddProposals(&arms);
  arms.push_back(Kind<MachineArm>("machine", "no table: the machine", {}));
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
