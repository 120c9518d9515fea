#include "bench/worker/arm_entry.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace haft::study {

std::vector<ArmEntry>& Arms() {
  static std::vector<ArmEntry> arms;
  return arms;
}

namespace {

bool HasWords(const ArmEntry& arm, std::size_t words) {
  return std::any_of(
      arm.values.begin(), arm.values.end(),
      [words](const ValueEntry& value) { return value.words == words; });
}

bool IsRestOf(const ArmEntry& entry, const ArmEntry& arm) {
  return std::string_view(entry.name) == arm.name && !entry.values.empty() &&
         !arm.values.empty() &&
         std::none_of(entry.values.begin(), entry.values.end(),
                      [&arm](const ValueEntry& value) {
                        return HasWords(arm, value.words);
                      });
}

}  // namespace

Registration::Registration(ArmEntry entry) {
  for (ArmEntry& arm : Arms()) {
    if (!IsRestOf(entry, arm)) continue;
    for (ValueEntry& value : entry.values)
      arm.values.push_back(std::move(value));
    // The two come from two files, of which either may be the first.
    std::sort(arm.values.begin(), arm.values.end(),
              [](const ValueEntry& one, const ValueEntry& other) {
                return one.words < other.words;
              });
    return;
  }
  Arms().push_back(std::move(entry));
}

}  // namespace haft::study
