// Compiled twice: as HAFT_UNIT=First and as HAFT_UNIT=Second.

#include "tests/unit/type_identity_unit.h"

#include <string>
#include <vector>

#include "haft/process_table.h"

namespace haft::testing {
namespace {

struct InUnnamedNamespace {
  int x;
};
enum EnumInUnnamedNamespace { kEnumerator };

}  // namespace

namespace {
[[maybe_unused]] const auto lambda = [] { return 1; };
}  // namespace
[[maybe_unused]] static struct { int x; } unnamed;
static int variable;
template <int* kAddress>
struct OfAddress {
  int x;
};

// Two functions of one signature, each with local types of the same names.

static void AddLocalsOfF(std::vector<Kind>& kinds, bool is_one) {
  struct Options {
    int x;
  };
  struct {
    int x;
  } local_unnamed;
  const auto local_lambda = [] {};
  kinds.push_back({"F's Options", is_one, TypeOf<Options>()});
  kinds.push_back({"F's unnamed", is_one, TypeOf<decltype(local_unnamed)>()});
  kinds.push_back({"F's lambda", is_one, TypeOf<decltype(local_lambda)>()});
  kinds.push_back(
      {"template of F's Options", is_one, TypeOf<Wrapped<Options>>()});
  kinds.push_back({"template of F's lambda", is_one,
                   TypeOf<Wrapped<decltype(local_lambda)>>()});
}

static void AddLocalsOfG(std::vector<Kind>& kinds, bool is_one) {
  struct Options {
    int x;
  };
  struct {
    int x;
  } local_unnamed;
  const auto local_lambda = [] {};
  kinds.push_back({"G's Options", is_one, TypeOf<Options>()});
  kinds.push_back({"G's unnamed", is_one, TypeOf<decltype(local_unnamed)>()});
  kinds.push_back({"G's lambda", is_one, TypeOf<decltype(local_lambda)>()});
  kinds.push_back(
      {"template of G's Options", is_one, TypeOf<Wrapped<Options>>()});
  kinds.push_back({"template of G's lambda", is_one,
                   TypeOf<Wrapped<decltype(local_lambda)>>()});
}

#define HAFT_JOINED(a, b) a##b
#define HAFT_KINDS_OF(unit) HAFT_JOINED(KindsOf, unit)()

std::vector<Kind> HAFT_KINDS_OF(HAFT_UNIT) {
  std::vector<Kind> kinds;
  AddLocalsOfF(kinds, false);
  AddLocalsOfG(kinds, false);
  const std::vector<Kind> others = {
      {"in unnamed namespace", false, TypeOf<InUnnamedNamespace>()},
      {"enum in unnamed namespace", false, TypeOf<EnumInUnnamedNamespace>()},
      {"template of it", false, TypeOf<Wrapped<InUnnamedNamespace>>()},
      {"pointer to it", false, TypeOf<InUnnamedNamespace*>()},
      {"function of it", false, TypeOf<void(InUnnamedNamespace)>()},
      {"lambda", false, TypeOf<decltype(lambda)>()},
      {"template of lambda", false, TypeOf<Wrapped<decltype(lambda)>>()},
      {"unnamed", false, TypeOf<decltype(unnamed)>()},
      {"template of unnamed", false, TypeOf<Wrapped<decltype(unnamed)>>()},
      {"template of a static variable", false, TypeOf<OfAddress<&variable>>()},
      {"global", true, TypeOf<Global>()},
      {"template of global", true, TypeOf<Wrapped<Global>>()},
      {"named by typedef", true, TypeOf<NamedByTypedef>()},
      {"unnamed, of a member", true, TypeOf<decltype(Outer::member)>()},
      {"incomplete", true, TypeOf<Incomplete>()},
      {"local of inline function", true,
       TypeOf<decltype(LocalOfInlineFunction())>()},
      {"lambda of inline function", true,
       TypeOf<decltype(LambdaOfInlineFunction())>()},
      {"int", true, TypeOf<int>()},
      {"void", true, TypeOf<void>()},
      {"array", true, TypeOf<int[3]>()},
      {"array of unknown size", true, TypeOf<int[]>()},
      {"function", true, TypeOf<int(int)>()},
      {"std::string", true, TypeOf<std::string>()},
  };
  kinds.insert(kinds.end(), others.begin(), others.end());
  return kinds;
}

}  // namespace haft::testing
