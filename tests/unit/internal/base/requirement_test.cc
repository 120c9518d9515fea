#include "haft/internal/base/requirement.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace haft::internal {
namespace {

template <typename T>
using HasSize = std::is_same<decltype(std::declval<T&>().size()), std::size_t>;
template <typename T, typename U>
using Adds =
    std::bool_constant<noexcept(std::declval<T>() + std::declval<U>())>;

struct OtherSize {
  int size();
};
class PrivateSize {
  std::size_t size();
};

TEST(RequirementTest, IsMetByTypesThatHaveTheMember) {
  EXPECT_TRUE((kMeets<HasSize, std::string>));
  EXPECT_TRUE((kMeets<Adds, int, double>));
}

TEST(RequirementTest, IsNotMetIfItIsIllFormed) {
  EXPECT_FALSE((kMeets<HasSize, int>));
  EXPECT_FALSE((kMeets<HasSize, PrivateSize>));
  EXPECT_FALSE((kMeets<Adds, int, OtherSize>));
}

TEST(RequirementTest, IsNotMetIfItsValueIsFalse) {
  EXPECT_FALSE((kMeets<HasSize, OtherSize>));
  EXPECT_FALSE((kMeets<Adds, std::string, std::string>));
}

TEST(RequirementTest, MeetsIsTheTypeOfTheAnswer) {
  EXPECT_TRUE((std::conjunction_v<Meets<HasSize, std::string>,
                                  std::negation<Meets<HasSize, int>>>));
}

}  // namespace
}  // namespace haft::internal
