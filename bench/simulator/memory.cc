#include "bench/simulator/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace haft::simulator {
namespace {

constexpr std::size_t kSpace = std::size_t{1} << 32;
constexpr std::size_t kPage = 4096;

}  // namespace

Memory::Memory() {
  void* const space = mmap(nullptr, kSpace, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) {
    std::fputs("simulator: no address space for the simulated memory\n",
               stderr);
    std::abort();
  }
  begin_ = reinterpret_cast<std::uintptr_t>(space);
}

Memory::~Memory() { munmap(reinterpret_cast<void*>(begin_), kSpace); }

void* Memory::Allocate(std::size_t element_size, std::size_t count) {
  if (count > (kSpace - used_ - kPage) / element_size) return nullptr;
  const std::uintptr_t address = begin_ + used_;
  AddRange(address, element_size, count);
  return reinterpret_cast<void*>(address);
}

void Memory::AddRange(std::uintptr_t address, std::size_t element_size,
                      std::size_t count) {
  const std::size_t bytes = element_size * count;
  const bool is_adopted = address != begin_ + used_;
  if (is_adopted) adopted_.push_back(ranges_.size());
  Range range;
  range.address = address;
  range.place = used_;
  range.element_size = element_size;
  range.count = count;
  ranges_.push_back(range);
  // An adopted range has places, too, whose own memory is never touched.
  used_ += (bytes + kPage - 1) / kPage * kPage;
  // push_back may have moved the range that is being recorded.
  Record(recording_number_);
}

std::size_t Memory::PlaceOfAdopted(std::uintptr_t address) const noexcept {
  for (const std::size_t number : adopted_) {
    const Range& range = ranges_[number];
    if (address - range.address < range.bytes())
      return range.place + (address - range.address);
  }
  std::fprintf(stderr,
               "simulator: an access to %#zx, which is in no range of the "
               "simulated memory\n",
               static_cast<std::size_t>(address));
  std::abort();
}

const Range& Memory::RangeOf(std::size_t place) const noexcept {
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), place,
      [](std::size_t p, const Range& range) { return p < range.place; });
  return *(after - 1);
}

}  // namespace haft::simulator
