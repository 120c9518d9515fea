// tests/consumer/shared_library_test.cc tests copies of libhaft.so that
// describe each other's handles.

#include "haft/internal/diagnostics/other_copies.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "haft/haft.h"

namespace haft::internal {
namespace {

std::string OtherCopies() {
  char buffer[1000];
  TextBuffer text(buffer, sizeof(buffer));
  AddOtherCopies(text);
  return buffer;
}

// This program has a copy of its own, from the archive.
TEST(OtherCopiesTest, ALoadedLibraryIsNamedAndTheOwnFileIsNot) {
  EXPECT_EQ(OtherCopies(), "");
  ASSERT_NE(dlopen("./libhaft.so", RTLD_NOW | RTLD_LOCAL), nullptr)
      << dlerror();
  EXPECT_EQ(OtherCopies(),
            "; another copy of Haft is loaded from ./libhaft.so");
}

TEST(OtherCopiesTest, EachOtherCopyIsNamed) {
  const std::string second = ::testing::TempDir() + "/second.so";
  std::ofstream(second, std::ios::binary)
      << std::ifstream("./libhaft.so", std::ios::binary).rdbuf();
  for (const char* const path : {"./libhaft.so", second.c_str()})
    ASSERT_NE(dlopen(path, RTLD_NOW | RTLD_LOCAL), nullptr) << dlerror();
  const std::string text = OtherCopies();
  EXPECT_NE(text.find("is loaded from ./libhaft.so"), std::string::npos)
      << text;
  EXPECT_NE(text.find("is loaded from " + second), std::string::npos) << text;
}

TEST(OtherCopiesTest, OfAHandleThatMayBeAnotherCopysTheyAreNamed) {
  ASSERT_NE(dlopen("./libhaft.so", RTLD_NOW | RTLD_LOCAL), nullptr)
      << dlerror();
  const auto names_them = [](haft_table* table, haft_handle handle) {
    char text[1000];
    EXPECT_LT(haft_table_describe(table, handle, text, sizeof(text)),
              sizeof(text));
    return std::string(text).find("another copy of Haft") != std::string::npos;
  };
  constexpr haft_type kType = {"borrowed", nullptr, nullptr, 0, 0};
  haft_table* tables[2] = {};
  haft_handle handles[2] = {};
  for (const int i : {0, 1}) {
    ASSERT_EQ(haft_table_create(10, &tables[i]), HAFT_OK);
    ASSERT_EQ(haft_table_new(tables[i], nullptr, &kType, &handles[i]), HAFT_OK);
  }
  ASSERT_EQ(haft_table_check(tables[0], handles[1]), HAFT_NEVER_ISSUED);
  EXPECT_TRUE(names_them(tables[0], handles[1]));
  EXPECT_TRUE(names_them(tables[0], 2)) << "it is malformed";
  EXPECT_FALSE(names_them(tables[0], handles[0])) << "it is live";
  EXPECT_FALSE(names_them(tables[0], 0)) << "it is null";
  ASSERT_EQ(haft_table_delete(tables[0], handles[0], nullptr), HAFT_OK);
  EXPECT_FALSE(names_them(tables[0], handles[0])) << "it is stale";
  for (haft_table* const table : tables) haft_table_destroy(table);
}

}  // namespace
}  // namespace haft::internal
