// A shared library that creates objects of several types, compiled as plugin A
// (HAFT_TEST_B=0) and as plugin B (HAFT_TEST_B=1). type_plugin_test loads them.

#include "tests/consumer/type_plugin.h"

#include <cstdint>
#include <string>

#include "haft/process_table.h"

// Types that both plugins have from one header, as it were.
struct Shared {
  int x = 0;
};
template <typename T>
struct Wrapped {
  T x;
};
struct Widget {
  int x = 0;
};
template <>
inline constexpr const char* haft::kTypeIdentity<Widget> =
    "com.example.Widget/1";

// Types of each plugin's own.
struct OfAnotherSize {
  char x[HAFT_TEST_B ? 1000 : 1] = {};
};
struct alignas(HAFT_TEST_B ? 64 : 16) AlignedOtherwise {
  char x[64] = {};
};
struct DeclaredAndResized {
  char x[HAFT_TEST_B ? 1000 : 1] = {};
};
template <>
inline constexpr const char* haft::kTypeIdentity<DeclaredAndResized> =
    "haft.test.DeclaredAndResized/1";
struct OfAnotherVersion {
#if HAFT_TEST_B
  int* x = nullptr;
#else
  std::intptr_t x = 1;
#endif
};
template <>
inline constexpr const char* haft::kTypeIdentity<OfAnotherVersion> =
    HAFT_TEST_B ? "haft.test.OfAnotherVersion/2"
                : "haft.test.OfAnotherVersion/1";

namespace {

struct InUnnamedNamespace {
  int x = 0;
};
struct DeclaredInNamespace {
  int x = 0;
};
const auto lambda = [] {};

}  // namespace
static struct { int x = 0; } unnamed;
template <>
inline constexpr const char* haft::kTypeIdentity<DeclaredInNamespace> =
    "haft.test.DeclaredInNamespace/1";

namespace {

using haft::testing::PluginType;

// A call that is made for an object, or for a handle.
struct Call {
  haft_handle* created;  // null if it is for a handle
  haft_handle handle;
  haft_status status;
};

template <typename T>
void With(Call& call, const T& object) {
  if (call.created != nullptr) {
    haft::Status status;
    *call.created = static_cast<haft_handle>(haft::New(T(object), &status));
    call.status = static_cast<haft_status>(status);
  } else {
    call.status =
        static_cast<haft_status>(haft::Check<T>(haft::Handle(call.handle)));
  }
}

}  // namespace

static void WithLocal(Call& call) {
  struct Options {
    int x = 0;
  };
  With(call, Options{});
}
static void WithTemplateOfLocal(Call& call) {
  struct Options {
    int x = 0;
  };
  With(call, Wrapped<Options>{});
}

namespace {

void WithType(Call& call, PluginType type) {
  switch (type) {
    case PluginType::kShared:
      return With(call, Shared{});
    case PluginType::kSharedTemplate:
      return With(call, Wrapped<Shared>{});
    case PluginType::kStandard:
      return With(call, std::string());
    case PluginType::kOfAnotherSize:
      return With(call, OfAnotherSize{});
    case PluginType::kAlignedOtherwise:
      return With(call, AlignedOtherwise{});
    case PluginType::kLocal:
      return WithLocal(call);
    case PluginType::kInUnnamedNamespace:
      return With(call, InUnnamedNamespace{});
    case PluginType::kLambda:
      return With(call, lambda);
    case PluginType::kUnnamed:
      return With(call, unnamed);
    case PluginType::kTemplateOfLocal:
      return WithTemplateOfLocal(call);
    case PluginType::kDeclared:
      return With(call, Widget{});
    case PluginType::kDeclaredInNamespace:
      return With(call, DeclaredInNamespace{});
    case PluginType::kDeclaredAndResized:
      return With(call, DeclaredAndResized{});
    case PluginType::kOfAnotherVersion:
      return With(call, OfAnotherVersion{});
    case PluginType::kCount:
      call.status = HAFT_INVALID;
  }
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT haft_handle type_plugin_new(PluginType type) {
  haft_handle created = 0;
  Call call = {&created, 0, HAFT_OK};
  WithType(call, type);
  return created;
}

EXPORT haft_status type_plugin_check(PluginType type, haft_handle handle) {
  Call call = {nullptr, handle, HAFT_OK};
  WithType(call, type);
  return call.status;
}
