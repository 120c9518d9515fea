// The memory of a simulation, and the numbers of its cache lines.

#ifndef HAFT_BENCH_SIMULATOR_MEMORY_H_
#define HAFT_BENCH_SIMULATOR_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace haft::simulator {

inline constexpr std::size_t kLineSize = 64;

// A member of a structure, for the names of lines.
struct Member {
  std::size_t offset;
  const char* name;
};

// One structure, or an array of `count` equal ones. Ranges are made in an order
// that the program determines, and so is the *place* of each byte: the sum of
// the sizes of the ranges before it. Results depend on places and never on
// addresses, which differ from process to process.
struct Range {
  std::uintptr_t address;
  std::size_t place;
  std::size_t element_size;
  std::size_t count;

  std::size_t bytes() const noexcept { return element_size * count; }

  // See names.h.
  std::string name;
  std::size_t group = 1;
  std::vector<Member> members;
  // The offsets of the atomics that were constructed in it, in that order.
  std::vector<std::size_t> atomics;
  std::vector<std::string> atomic_names;
};

// Everything that simulated cores share lies here, or in an object that Adopt
// was called for.
class Memory {
 public:
  // Reserves address space. Aborts if there is none.
  Memory();
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Returns zeroed bytes that begin at a page; nullptr if no space is left.
  void* Allocate(std::size_t element_size, std::size_t count);

  // Constructs an object that stays until the memory is destroyed. Its
  // destructor is the caller's affair.
  template <typename T, typename... Arguments>
  T* Make(Arguments&&... arguments) {
    void* const place = Allocate(sizeof(T), 1);
    if (place == nullptr) throw std::bad_alloc();
    const Recording recording(this, ranges_.size() - 1);
    return new (place) T(std::forward<Arguments>(arguments)...);
  }

  // Constructs a static object once more, which counts as part of this memory
  // from now on.
  template <typename T>
  void Adopt(T* object) {
    AddRange(reinterpret_cast<std::uintptr_t>(object), sizeof(T), 1);
    const Recording recording(this, ranges_.size() - 1);
    object->~T();
    new (object) T();
  }

  // For the constructors of atomics.
  void NoteAtomic(const void* address) {
    if (recording_ == nullptr) return;
    const std::size_t offset =
        reinterpret_cast<std::uintptr_t>(address) - recording_->address;
    if (offset < recording_->bytes()) recording_->atomics.push_back(offset);
  }

  // Returns the place of an address. Aborts if it is in no range, because the
  // result would depend on where the linker or the allocator has put it.
  std::size_t PlaceOf(const void* address) const noexcept {
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    if (number - begin_ < used_) return number - begin_;
    return PlaceOfAdopted(number);
  }

  // Where the places end.
  std::size_t end() const noexcept { return used_; }

  std::vector<Range>& ranges() noexcept { return ranges_; }
  const Range& RangeOf(std::size_t place) const noexcept;

 private:
  // While it exists, NoteAtomic writes to one range.
  class Recording {
   public:
    Recording(Memory* memory, std::size_t range)
        : memory_(memory), outer_(memory->recording_number_) {
      memory->Record(range);
    }
    ~Recording() { memory_->Record(outer_); }

   private:
    Memory* const memory_;
    const std::size_t outer_;
  };
  static constexpr std::size_t kNoRange = ~std::size_t{0};

  void Record(std::size_t range) noexcept {
    recording_number_ = range;
    recording_ = range == kNoRange ? nullptr : &ranges_[range];
  }
  void AddRange(std::uintptr_t address, std::size_t element_size,
                std::size_t count);
  std::size_t PlaceOfAdopted(std::uintptr_t address) const noexcept;

  std::uintptr_t begin_;
  std::size_t used_ = 0;
  std::vector<Range> ranges_;
  std::vector<std::size_t> adopted_;  // numbers of ranges
  std::size_t recording_number_ = kNoRange;
  Range* recording_ = nullptr;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_MEMORY_H_
