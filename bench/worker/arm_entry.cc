#include "bench/worker/arm_entry.h"

#include <utility>

namespace haft::study {

std::vector<ArmEntry>& Arms() {
  static std::vector<ArmEntry> arms;
  return arms;
}

Registration::Registration(ArmEntry entry) {
  Arms().push_back(std::move(entry));
}

}  // namespace haft::study
