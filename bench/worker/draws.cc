#include "bench/worker/draws.h"

namespace haft::study {
namespace {

std::size_t LengthFor(std::size_t cells) {
  constexpr std::size_t kShort = std::size_t{1} << 16U;
  constexpr std::size_t kLong = std::size_t{1} << 20U;
  return cells * 4 <= kShort ? kShort : kLong;
}

}  // namespace

Draws::Draws(const KeyDistribution& distribution, std::size_t cells,
             const Mix& mix, std::uint64_t seed, std::uint64_t stream) {
  Random random(seed, stream);
  // An update is two operations in one step, a New and a Delete.
  const double sum = mix.find + mix.stale + mix.updates;
  const double find = mix.find / sum;
  const double find_or_stale = (mix.find + mix.stale) / sum;
  const std::size_t length = LengthFor(cells);
  draws_.reserve(length);
  for (std::size_t i = 0; i < length; ++i) {
    const double choice = random.Unit();
    const Step step = choice < find            ? Step::kFind
                      : choice < find_or_stale ? Step::kStale
                                               : Step::kUpdate;
    draws_.emplace_back(step, distribution.Draw(random));
  }
}

}  // namespace haft::study
