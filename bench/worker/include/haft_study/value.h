// The keys and the values of a table under study.

#ifndef HAFT_STUDY_VALUE_H_
#define HAFT_STUDY_VALUE_H_

#include <cstddef>
#include <cstdint>

namespace haft::study {

using Key = std::uintptr_t;
inline constexpr Key kNoKey = 0;

// A value of one word. It is the address of an object, which a look-up may
// read.
using Value = std::uintptr_t;

// A value of several words. The study stores the same address in all of them.
template <std::size_t kWords>
struct Words {
  std::uintptr_t word[kWords];
};

}  // namespace haft::study

#endif  // HAFT_STUDY_VALUE_H_
