#include "bench/simulator/names.h"

#include <stdexcept>

namespace haft::simulator {
namespace {

std::string Numbered(std::string name, std::size_t number) {
  const std::size_t at = name.find('%');
  if (at != std::string::npos) name.replace(at, 1, std::to_string(number));
  return name;
}

std::size_t Count(const std::vector<AtomicName>& atomics) {
  std::size_t count = 0;
  for (const AtomicName& atomic : atomics) count += atomic.count;
  return count;
}

// Returns the name of the last atomic at or before `offset`; "" if there is
// none.
std::string AtomicAt(const Range& range, std::size_t offset) {
  std::size_t last = 0;
  while (last < range.atomics.size() && range.atomics[last] <= offset) ++last;
  const std::string name = last == 0 ? "" : range.atomic_names[last - 1];
  return name.empty() ? "" : "." + name;
}

std::string MemberAt(const Range& range, std::size_t offset) {
  std::string name;
  for (const Member& member : range.members)
    if (member.offset <= offset) name = std::string(".") + member.name;
  return name;
}

}  // namespace

void NameRanges(Memory& memory, std::size_t first,
                const std::vector<RangeName>& names) {
  std::vector<Range>& ranges = memory.ranges();
  if (ranges.size() - first != names.size()) {
    throw std::logic_error(
        "simulator: " + std::to_string(ranges.size() - first) +
        " ranges of memory, but " + std::to_string(names.size()) +
        " names for them, beginning with " + names[0].name);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    Range& range = ranges[first + i];
    const RangeName& name = names[i];
    if (range.element_size != name.element_size ||
        range.atomics.size() != Count(name.atomics)) {
      throw std::logic_error(
          "simulator: " + name.name + " has " +
          std::to_string(range.element_size) + " bytes and " +
          std::to_string(range.atomics.size()) + " atomics, not " +
          std::to_string(name.element_size) + " and " +
          std::to_string(Count(name.atomics)));
    }
    range.name = name.name;
    range.group = name.group;
    range.members = name.members;
    for (const AtomicName& atomic : name.atomics) {
      for (std::size_t k = 0; k < atomic.count; ++k) {
        range.atomic_names.push_back(
            atomic.count == 1 ? atomic.name
                              : atomic.name + "[" + std::to_string(k) + "]");
      }
    }
  }
}

std::string NameOf(const Memory& memory, std::size_t place) {
  const Range& range = memory.RangeOf(place);
  const std::size_t offset = place - range.place;
  const std::size_t in_element = offset % range.element_size;
  return Numbered(range.name, offset / range.element_size / range.group) +
         (range.atomics.empty() ? MemberAt(range, in_element)
                                : AtomicAt(range, in_element));
}

}  // namespace haft::simulator
