// The kinds of types of which type_identity_test asks whether two translation
// units of one text agree about them.

#ifndef TESTS_UNIT_TYPE_IDENTITY_UNIT_H_
#define TESTS_UNIT_TYPE_IDENTITY_UNIT_H_

#include <vector>

#include "haft/process_table.h"

namespace haft::testing {

// Types that every translation unit means when it names them.
struct Global {
  int x;
};
template <typename T>
struct Wrapped {
  T* x;
};
typedef struct {
  int x;
} NamedByTypedef;
struct Outer {
  struct {
    int x;
  } member;
};
struct Incomplete;
inline auto LocalOfInlineFunction() {
  struct Options {
    int x;
  };
  return Options{};
}
inline auto LambdaOfInlineFunction() {
  return [] {};
}

struct Kind {
  const char* name;
  bool is_one;  // in both translation units
  const haft_type* type;
};

// Each is of a translation unit of its own. Their text is the same.
std::vector<Kind> KindsOfFirstUnit();
std::vector<Kind> KindsOfSecondUnit();

}  // namespace haft::testing

#endif  // TESTS_UNIT_TYPE_IDENTITY_UNIT_H_
