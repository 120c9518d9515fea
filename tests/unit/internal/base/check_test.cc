#include "haft/internal/base/check.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace haft::internal {
namespace {

TEST(CheckTest, PassesWhenTheConditionHolds) {
  HAFT_CHECK(1 + 1 == 2, "arithmetic is broken");
  HAFT_DCHECK(1 + 1 == 2, "arithmetic is broken");
}

TEST(CheckTest, ConditionIsEvaluatedOnce) {
  int evaluations = 0;
  HAFT_CHECK(++evaluations > 0, "");
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckTest, IsAnExpression) {
  const int answer = (HAFT_CHECK(true, ""), 42);
  EXPECT_EQ(answer, 42);
  if (answer == 42)
    HAFT_CHECK(answer, "an int converts");
  else
    HAFT_DCHECK(false || answer, "a condition needs no parentheses");
}

TEST(CheckDeathTest, AbortsWithTheSentence) {
  EXPECT_EXIT(HAFT_CHECK(false, "a slot was lost"),
              ::testing::KilledBySignal(SIGABRT), "^haft: a slot was lost\n$");
}

TEST(CheckDeathTest, SentenceIsNoFormat) {
  EXPECT_DEATH(HAFT_CHECK(false, "100 %s %n"), "^haft: 100 %s %n\n$");
}

// HAFT_DCHECK is active unless NDEBUG is defined. check_test is built as the
// configuration says, check_release_test always with NDEBUG.
#ifdef NDEBUG

TEST(CheckTest, DebugCheckOfAReleaseBuildDoesNotEvaluateItsCondition) {
  int evaluations = 0;
  HAFT_DCHECK(++evaluations > 0, "the condition would hold");
  HAFT_DCHECK(++evaluations < 0, "the condition would not hold");
  EXPECT_EQ(evaluations, 0);
}

#else

TEST(CheckTest, DebugCheckEvaluatesItsConditionOnce) {
  int evaluations = 0;
  HAFT_DCHECK(++evaluations > 0, "");
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckDeathTest, DebugCheckAbortsWithTheSentence) {
  EXPECT_EXIT(HAFT_DCHECK(false, "a slot was lost"),
              ::testing::KilledBySignal(SIGABRT), "^haft: a slot was lost\n$");
}

#endif

// Returns what LogLine writes, NUL characters included.
std::string Line(const std::string& sentence) {
  ::testing::internal::CaptureStderr();
  LogLine(sentence.c_str());
  return ::testing::internal::GetCapturedStderr();
}

TEST(CheckTest, ALineOfMoreThan1023CharactersIsCutOff) {
  EXPECT_EQ(Line("short"), "haft: short\n");
  for (const int size : {1015, 1016}) {
    const std::string sentence(size, 'x');
    EXPECT_EQ(Line(sentence), "haft: " + sentence + "\n");
  }
  const std::string most = "haft: " + std::string(1017, 'x');
  for (const int size : {1017, 1018, 10000})
    EXPECT_EQ(Line(std::string(size, 'x')), most) << size;
}

TEST(CheckDeathTest, LongSentenceIsCutOff) {
  const std::string sentence(10000, 'x');
  EXPECT_DEATH(Fatal(sentence.c_str()), "^haft: x{1000,1023}\n?$");
}

}  // namespace
}  // namespace haft::internal
