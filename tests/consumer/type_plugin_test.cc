// Which C++ types are one for two shared libraries, by how they are compiled
// and loaded.

#include "tests/consumer/type_plugin.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>

#include "haft/haft.h"
#include "tests/support/in_child.h"

namespace haft {
namespace {

using testing::InChild;
using testing::PluginType;

constexpr char kFolder[] = "tests/consumer/";

void* Load(const std::string& path, int scope) {
  void* const library = dlopen(("./" + path).c_str(), RTLD_NOW | scope);
  EXPECT_NE(library, nullptr) << dlerror();
  return library;
}

class Plugin {
 public:
  Plugin(const std::string& name, int scope)
      : library_(Load(kFolder + name + ".so", scope)) {}

  haft_handle New(PluginType type) const {
    return reinterpret_cast<testing::NewOfType*>(Find("type_plugin_new"))(type);
  }
  haft_status Check(PluginType type, haft_handle handle) const {
    return reinterpret_cast<testing::CheckType*>(Find("type_plugin_check"))(
        type, handle);
  }

 private:
  void* Find(const char* name) const {
    void* const found = dlsym(library_, name);
    EXPECT_NE(found, nullptr) << name;
    return found;
  }
  void* const library_;
};

// Checks that two plugins agree about `one` and about no other type.
void ExpectOne(const std::string& suffix, int scope,
               const std::set<PluginType>& one) {
  InChild([&] {
    Load("libhaft.so", RTLD_GLOBAL);
    const Plugin a("type_plugin_a" + suffix, scope),
        b("type_plugin_b" + suffix, scope);
    constexpr int kCount = static_cast<int>(PluginType::kCount);
    for (int i = 0; i < kCount; ++i) {
      const PluginType made = PluginType(i);
      const haft_handle of_a = a.New(made), of_b = b.New(made);
      ASSERT_NE(of_a, 0u);
      ASSERT_NE(of_b, 0u);
      for (int j = 0; j < kCount; ++j) {
        const PluginType wanted = PluginType(j);
        const haft_status own = i == j ? HAFT_OK : HAFT_WRONG_TYPE;
        EXPECT_EQ(a.Check(wanted, of_a), own) << i << ", " << j;
        EXPECT_EQ(b.Check(wanted, of_b), own) << i << ", " << j;
        const haft_status expected =
            i == j && one.count(made) != 0 ? HAFT_OK : HAFT_WRONG_TYPE;
        EXPECT_EQ(a.Check(wanted, of_b), expected) << i << ", " << j;
        EXPECT_EQ(b.Check(wanted, of_a), expected) << i << ", " << j;
      }
    }
  });
}

TEST(TypePluginTest, LinkageDecidesIfSymbolsAreGlobal) {
  ExpectOne(
      "", RTLD_GLOBAL,
      {PluginType::kShared, PluginType::kSharedTemplate, PluginType::kStandard,
       PluginType::kDeclared, PluginType::kDeclaredInNamespace});
}

TEST(TypePluginTest, WithLocalSymbolsATypeIsRefusedUnlessItsNameIsDeclared) {
  std::set<PluginType> one = {PluginType::kDeclared,
                              PluginType::kDeclaredInNamespace};
#ifndef __clang__
  // g++ marks such symbols as unique (STB_GNU_UNIQUE), so the dynamic linker
  // makes one of them nevertheless.
  one.insert({PluginType::kShared, PluginType::kSharedTemplate,
              PluginType::kStandard});
#endif
  ExpectOne("", RTLD_LOCAL, one);
}

TEST(TypePluginTest,
     TypesOfHiddenVisibilityAreRefusedUnlessTheirNameIsDeclared) {
  // The standard library's types stay visible.
  ExpectOne("_hidden", RTLD_GLOBAL,
            {PluginType::kStandard, PluginType::kDeclared,
             PluginType::kDeclaredInNamespace});
}

}  // namespace
}  // namespace haft
