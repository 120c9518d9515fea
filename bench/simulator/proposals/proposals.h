// Arms that are proposals: the library's headers with a change that is not made
// yet, to see its curve first. README.md says how one is written.

#ifndef HAFT_BENCH_SIMULATOR_PROPOSALS_PROPOSALS_H_
#define HAFT_BENCH_SIMULATOR_PROPOSALS_PROPOSALS_H_

#include <vector>

#include "bench/simulator/arm.h"

namespace haft::simulator {

// Each is in the source file of its name.
void AddRetired(std::vector<ArmKind>* arms);
void AddThreads(std::vector<ArmKind>* arms);
void AddDepotLinks(std::vector<ArmKind>* arms);
void AddDepotStripes(std::vector<ArmKind>* arms);
void AddDepot(std::vector<ArmKind>* arms);

inline void AddProposals(std::vector<ArmKind>* arms) {
  AddRetired(arms);
  AddThreads(arms);
  AddDepotLinks(arms);
  AddDepotStripes(arms);
  AddDepot(arms);
}

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_PROPOSALS_PROPOSALS_H_
