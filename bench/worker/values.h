// Values of one word or several, made of an address and told apart again.

#ifndef HAFT_BENCH_WORKER_VALUES_H_
#define HAFT_BENCH_WORKER_VALUES_H_

#include <cstddef>
#include <cstdint>

#include "haft_study/value.h"

namespace haft::study {

template <std::size_t kWords>
struct ValueOfWords {
  using Type = Words<kWords>;
};
template <>
struct ValueOfWords<1> {
  using Type = Value;
};

template <typename V>
inline constexpr std::size_t kWordsOf = 1;
template <std::size_t kWords>
inline constexpr std::size_t kWordsOf<Words<kWords>> = kWords;

template <typename V>
[[gnu::always_inline]] inline V MakeValue(std::uintptr_t address) {
  if constexpr (kWordsOf<V> == 1) {
    return address;
  } else {
    V value;
    for (std::uintptr_t& word : value.word) word = address;
    return value;
  }
}

// Returns the address in `value`; 0 if its words differ, as they do in a value
// that is put together from two.
template <typename V>
[[gnu::always_inline]] inline std::uintptr_t AddressIn(const V& value) {
  if constexpr (kWordsOf<V> == 1) {
    return value;
  } else {
    std::uintptr_t difference = 0;
#pragma GCC unroll 8
    for (std::uintptr_t word : value.word) {
      // Word by word: a wide load would wait for the narrow stores of a table
      // that has just put the value together.
      asm("" : "+r"(word));
      difference |= word ^ value.word[0];
    }
    return difference == 0 ? value.word[0] : 0;
  }
}

// Makes the compiler believe that `value` is used.
template <typename T>
[[gnu::always_inline]] inline void Use(const T& value) {
  asm volatile("" : : "r,m"(value));
}

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_VALUES_H_
