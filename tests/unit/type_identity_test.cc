// Which C++ types are one: see TypeOf in process_table.h.

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "haft/process_table.h"
#include "tests/unit/type_identity_unit.h"

namespace {

// Types of different libraries, as it were, with declared names.
struct Widget {
  int x;
};
struct SameWidget {
  int y;
};
struct LargerWidget {
  int x[2];
};
struct alignas(2 * alignof(int)) AlignedWidget {
  char x[sizeof(int)];
};
struct NextWidget {
  int x;
};
struct OpaqueWidget;

}  // namespace

template <>
inline constexpr const char* haft::kTypeIdentity<Widget> = "test.Widget/1";
template <>
inline constexpr const char* haft::kTypeIdentity<SameWidget> = "test.Widget/1";
template <>
inline constexpr const char* haft::kTypeIdentity<LargerWidget> =
    "test.Widget/1";
template <>
inline constexpr const char* haft::kTypeIdentity<AlignedWidget> =
    "test.Widget/1";
template <>
inline constexpr const char* haft::kTypeIdentity<NextWidget> = "test.Widget/2";
template <>
inline constexpr const char* haft::kTypeIdentity<OpaqueWidget> =
    "test.Widget/1";

namespace haft {
namespace {

using testing::Kind;

haft_status FindAs(const haft_type* wanted, const haft_type* actual) {
  int object = 0;
  haft_handle handle = 0;
  EXPECT_EQ(haft_new_with(&object, actual, nullptr, nullptr, &handle), HAFT_OK);
  void* found = nullptr;
  const haft_status status = haft_value(handle, wanted, &found);
  EXPECT_EQ(found, status == HAFT_OK ? &object : nullptr);
  EXPECT_EQ(haft_delete(handle, wanted), status);
  if (status != HAFT_OK) {
    EXPECT_EQ(haft_delete(handle, actual), HAFT_OK);
  }
  return status;
}

TEST(TypeIdentityTest, EachTypeOfAFileIsItselfAlone) {
  const std::vector<Kind> kinds = testing::KindsOfFirstUnit();
  for (const Kind& a : kinds) {
    for (const Kind& b : kinds) {
      EXPECT_EQ(FindAs(a.type, b.type),
                a.name == b.name ? HAFT_OK : HAFT_WRONG_TYPE)
          << a.name << ", " << b.name;
    }
  }
}

TEST(TypeIdentityTest, TwoFilesAgreeAboutTheTypesThatHaveLinkage) {
  const std::vector<Kind> first = testing::KindsOfFirstUnit(),
                          second = testing::KindsOfSecondUnit();
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    for (std::size_t j = 0; j < second.size(); ++j) {
      EXPECT_EQ(FindAs(first[i].type, second[j].type),
                i == j && first[i].is_one ? HAFT_OK : HAFT_WRONG_TYPE)
          << first[i].name << ", " << second[j].name;
    }
  }
}

// Two functions' classes of one name, one of them larger.

Handle NewSmallOptions() {
  struct Options {
    char small = 's';
  };
  return New(std::make_unique<Options>());
}
Status CheckLargeOptions(Handle handle) {
  struct Options {
    char large[1000];
  };
  return Check<Options>(handle);
}

TEST(TypeIdentityTest, LocalClassesOfOneNameAreTwo) {
  const Handle handle = NewSmallOptions();
  EXPECT_EQ(CheckLargeOptions(handle), Status::kWrongType);
  EXPECT_EQ(Delete(handle), Status::kOk);
}

TEST(TypeIdentityTest, EqualDeclaredNamesOfOneLayoutAreOneType) {
  EXPECT_EQ(FindAs(TypeOf<SameWidget>(), TypeOf<Widget>()), HAFT_OK);
  EXPECT_EQ(FindAs(TypeOf<Widget>(), TypeOf<SameWidget>()), HAFT_OK);
}

TEST(TypeIdentityTest, EqualDeclaredNamesOfTwoLayoutsAreTwoTypes) {
  EXPECT_EQ(FindAs(TypeOf<Widget>(), TypeOf<LargerWidget>()), HAFT_WRONG_TYPE);
  EXPECT_EQ(FindAs(TypeOf<LargerWidget>(), TypeOf<Widget>()), HAFT_WRONG_TYPE);
  EXPECT_EQ(sizeof(AlignedWidget), sizeof(LargerWidget));
  EXPECT_EQ(FindAs(TypeOf<AlignedWidget>(), TypeOf<LargerWidget>()),
            HAFT_WRONG_TYPE);
}

TEST(TypeIdentityTest, TwoVersionsOfATypeAreTwoTypes) {
  EXPECT_EQ(FindAs(TypeOf<Widget>(), TypeOf<NextWidget>()), HAFT_WRONG_TYPE);
  EXPECT_EQ(FindAs(TypeOf<NextWidget>(), TypeOf<Widget>()), HAFT_WRONG_TYPE);
}

TEST(TypeIdentityTest, IncompleteTypeWithADeclaredNameIsTheCompleteOne) {
  EXPECT_EQ(FindAs(TypeOf<OpaqueWidget>(), TypeOf<Widget>()), HAFT_OK);
  EXPECT_EQ(FindAs(TypeOf<LargerWidget>(), TypeOf<OpaqueWidget>()), HAFT_OK);
}

TEST(TypeIdentityTest, DescriptorOfCIsOneWithTheDeclaredNameOfCpp) {
  static const haft_type unknown = {"widget", "test.Widget/1", nullptr, 0, 0};
  static const haft_type known = {"widget", "test.Widget/1", nullptr,
                                  sizeof(int), alignof(int)};
  static const haft_type larger = {"widget", "test.Widget/1", nullptr,
                                   2 * sizeof(int), 0};
  EXPECT_EQ(FindAs(&unknown, TypeOf<Widget>()), HAFT_OK);
  EXPECT_EQ(FindAs(&known, TypeOf<Widget>()), HAFT_OK);
  EXPECT_EQ(FindAs(&larger, TypeOf<Widget>()), HAFT_WRONG_TYPE);
}

TEST(TypeIdentityTest, NameOfTheCompilerIsForMessagesOnly) {
  EXPECT_STREQ(TypeOf<int>()->name, "int");
  EXPECT_EQ(TypeOf<int>()->identity, nullptr);
  static const haft_type named_alike = {"int", "int", nullptr, sizeof(int),
                                        alignof(int)};
  EXPECT_EQ(FindAs(&named_alike, TypeOf<int>()), HAFT_WRONG_TYPE);
}

TEST(TypeIdentityTest, ConstAndVolatileMakeNoDifference) {
  EXPECT_EQ(TypeOf<const testing::Global>(), TypeOf<testing::Global>());
  EXPECT_EQ(TypeOf<volatile int>(), TypeOf<int>());
  EXPECT_EQ(TypeOf<const testing::Incomplete>(), TypeOf<testing::Incomplete>());
}

}  // namespace
}  // namespace haft
