// Names of cache lines: which member of which structure a word is.

#ifndef HAFT_BENCH_SIMULATOR_NAMES_H_
#define HAFT_BENCH_SIMULATOR_NAMES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "bench/simulator/memory.h"

namespace haft::simulator {

// `count` atomics that follow one another in a structure.
struct AtomicName {
  std::string name;
  std::size_t count = 1;
};

// The name of a range of memory. A structure that was made by Memory::Make or
// Adopt has the names of its atomics, in the order of their declaration; an
// array has the members of one element, in the order of their offsets.
struct RangeName {
  std::string name;  // "%" stands for the number of the element
  std::size_t element_size;
  std::vector<AtomicName> atomics = {};
  std::vector<Member> members = {};
  // How many elements in a row have one number.
  std::size_t group = 1;
};

// Names the ranges that were made since there were `first`, in that order.
// Throws std::logic_error if their number or their sizes are others than those
// of `names`: then the structure that was made has changed.
void NameRanges(Memory& memory, std::size_t first,
                const std::vector<RangeName>& names);

// Returns the name of the word at `place`, for example "Entry 12.announced".
std::string NameOf(const Memory& memory, std::size_t place);

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_NAMES_H_
