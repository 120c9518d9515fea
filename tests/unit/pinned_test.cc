#include "haft/pinned.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "haft/object_table.h"
#include "tests/support/object_table_fixture.h"

namespace haft {
namespace {

using testing::constructed;
using testing::destroyed;
using testing::InThread;
using testing::Tracked;

static_assert(sizeof(PinWords) == 4 * sizeof(Word), "as in haft_pin of haft.h");

template <typename Traits>
class PinnedTest : public testing::ObjectTableFixture<Traits> {};
TYPED_TEST_SUITE(PinnedTest, testing::ObjectTableTraits);

TYPED_TEST(PinnedTest, PinGivesTheObject) {
  auto& table = *this->table_;
  const Handle a = table.Emplace(1), b = table.Insert(Tracked(2));
  EXPECT_NE(a, b);
  auto pin = table.Pin(a);
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin.status(), Status::kOk);
  EXPECT_EQ(pin.handle(), a);
  EXPECT_EQ(pin->value(), 1);
  EXPECT_EQ((*pin).value(), 1);
  EXPECT_EQ(pin.get(), &*pin);
  EXPECT_EQ(table.Pin(b)->value(), 2);
  pin.Unpin();
  EXPECT_FALSE(pin);
  EXPECT_EQ(pin.get(), nullptr);
  EXPECT_EQ(pin.status(), Status::kNull);
  pin.Unpin();
}

TYPED_TEST(PinnedTest, LastOfManyPinsDestroys) {
  auto& table = *this->table_;
  using Pinned = typename TestFixture::Table::Pinned;
  for (const std::size_t count : {2, 20, 1000}) {
    destroyed = 0;
    const Handle handle = table.Emplace(5), other = table.Emplace(6);
    std::vector<Pinned> pins;
    for (std::size_t i = 0; i < count; ++i) {
      pins.push_back(table.Pin(handle));
      ASSERT_TRUE(pins.back());
    }
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(table.DeleteUnlessPinned(other), Status::kOk);
    EXPECT_EQ(destroyed, 1);
    // The pins end neither in order nor in reverse.
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(destroyed, 1);
      Pinned& pin = pins[(i * 7 + 3) % count];
      ASSERT_EQ(pin->value(), 5);
      pin.Unpin();
    }
    EXPECT_EQ(destroyed, 2);
  }
  constructed = destroyed = 0;
}

TYPED_TEST(PinnedTest, MovedPinHoldsOnce) {
  auto& table = *this->table_;
  using Pinned = typename TestFixture::Table::Pinned;
  const Handle a = table.Emplace(1), b = table.Emplace(2);
  Pinned pin = table.Pin(a);
  Pinned moved = std::move(pin);
  EXPECT_FALSE(pin);
  EXPECT_EQ(pin.status(), Status::kNull);
  EXPECT_EQ(table.Delete(a), Status::kOk);
  pin.Unpin();
  EXPECT_EQ(moved->value(), 1);
  EXPECT_EQ(destroyed, 0);
  moved = table.Pin(b);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(moved->value(), 2);
  Pinned& self = moved;
  moved = std::move(self);
  EXPECT_EQ(moved->value(), 2);
  moved = table.Pin(a);
  EXPECT_EQ(moved.status(), Status::kStale);
  EXPECT_EQ(table.DeleteUnlessPinned(b), Status::kOk);
}

TYPED_TEST(PinnedTest, PinGoesToAnotherThread) {
  auto& table = *this->table_;
  const Handle handle = table.Emplace(1);
  auto pin = table.Pin(handle);
  InThread([&] {
    auto mine = std::move(pin);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(mine->value(), 1);
    EXPECT_EQ(destroyed, 0);
    mine.Unpin();
    EXPECT_EQ(destroyed, 1);
  });
}

TYPED_TEST(PinnedTest, PinTravelsAsPlainWords) {
  auto& table = *this->table_;
  using Pinned = typename TestFixture::Table::Pinned;
  const Handle handle = table.Emplace(1);
  struct Plain {
    PinWords words;
  } plain;
  // The thread that made the pin has exited when the pin ends.
  InThread([&] {
    Pinned pin = table.Pin(handle);
    plain.words = pin.Detach();
    EXPECT_FALSE(pin);
    EXPECT_EQ(pin.status(), Status::kNull);
    EXPECT_EQ(pin.get(), nullptr);
  });
  EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kPinned);
  EXPECT_EQ(table.Delete(handle), Status::kOk);
  InThread([&] {
    // This thread takes the index of the exited one.
    const Handle another = table.Emplace(2);
    EXPECT_TRUE(table.Pin(another));
    EXPECT_EQ(table.Delete(another), Status::kOk);
    EXPECT_EQ(destroyed, 1);
    Pinned pin = Pinned::Attach(plain.words);
    EXPECT_EQ(pin.handle(), handle);
    EXPECT_EQ(pin.status(), Status::kOk);
    EXPECT_EQ(pin->value(), 1);
  });
  EXPECT_EQ(destroyed, 2);
  EXPECT_FALSE(Pinned::Attach(table.Pin(handle).Detach()));
}

TYPED_TEST(PinnedTest, PinThatHasEndedTravelsAsNothing) {
  auto& table = *this->table_;
  using Pinned = typename TestFixture::Table::Pinned;
  const Handle handle = table.Emplace(1);
  Pinned ended = table.Pin(handle);
  ended.Unpin();
  for (const PinWords& words : {ended.Detach(), PinWords{}}) {
    Pinned pin = Pinned::Attach(words);
    EXPECT_FALSE(pin);
    EXPECT_EQ(pin.status(), Status::kNull);
    EXPECT_TRUE(pin.UnpinIfHeld()) << "it has ended no pin before";
  }
  EXPECT_EQ(Pinned::Attach({}).handle(), kNullHandle);
  EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kOk);
}

TYPED_TEST(PinnedTest, CopyOfAPinIsRefusedOnceTheOtherHasEnded) {
  auto& table = *this->table_;
  using Pinned = typename TestFixture::Table::Pinned;
  const Handle handle = table.Emplace(1), other = table.Emplace(2);
  const PinWords words[] = {table.Pin(handle).Detach(), PinWords{}};
  EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kPinned);
  Pinned pin = Pinned::Attach(words[0]), copy = Pinned::Attach(words[0]);
  EXPECT_EQ(copy.handle(), handle);
  EXPECT_TRUE(pin.UnpinIfHeld());
  EXPECT_FALSE(pin);
  EXPECT_EQ(pin.status(), Status::kNull);
  // The next pin of this thread is where that one was.
  const Pinned next = table.Pin(other);
  EXPECT_FALSE(copy.UnpinIfHeld());
  EXPECT_FALSE(copy);
  EXPECT_EQ(copy.status(), Status::kNull);
  EXPECT_EQ(table.DeleteUnlessPinned(other), Status::kPinned);
  EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kOk);
}

TYPED_TEST(PinnedTest, SelfDeletion) {
  auto& table = *this->table_;
  const Handle handle = table.Emplace(1);
  auto pin = table.Pin(handle);
  EXPECT_EQ(table.Delete(pin.handle()), Status::kOk);
  EXPECT_EQ(pin->value(), 1);
  EXPECT_EQ(destroyed, 0);
  pin.Unpin();
  EXPECT_EQ(destroyed, 1);
}

TEST(PinnedLifetimeTest, PinsOutliveTheTable) {
  using Table = ObjectTable<int>;
  auto table = Table::Create(10);
  Table::Pinned live = table->Pin(table->Emplace(1));
  const Handle deleted = table->Emplace(2);
  Table::Pinned retired = table->Pin(deleted);
  Table::Pinned again = table->Pin(deleted);
  EXPECT_NE(table->Emplace(3), kNullHandle);
  EXPECT_EQ(table->Delete(deleted), Status::kOk);
  ::testing::internal::CaptureStderr();
  table.reset();
  const std::string report = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(report.find("2"), std::string::npos) << report;
  EXPECT_NE(report.find("pinned"), std::string::npos) << report;
  EXPECT_EQ(*live, 1);
  EXPECT_EQ(*retired, 2);
  *retired = 4;
  EXPECT_EQ(*again, 4);
  live.Unpin();
  retired.Unpin();
  InThread([&] { again.Unpin(); });
}

// More than a thread has cells, so that some are counted.
TEST(PinnedLifetimeTest, CountedPinsOutliveTheTable) {
  using Table = ObjectTable<int>;
  auto table = Table::Create(10);
  const Handle handle = table->Emplace(1);
  std::vector<Table::Pinned> pins;
  for (unsigned n = 0; n < internal::HazardCells::kCells + 5; ++n)
    pins.push_back(table->Pin(handle));
  ::testing::internal::CaptureStderr();
  table.reset();
  EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
  for (Table::Pinned& pin : pins) {
    EXPECT_EQ(*pin, 1);
    pin.Unpin();
  }
}

}  // namespace
}  // namespace haft
