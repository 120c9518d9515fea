#include "haft/internal/process/any_table.h"

#include <gtest/gtest.h>

#include <utility>

#include "haft/handle.h"
#include "haft/status.h"

namespace haft {
namespace {

void Count(void* context) { ++*static_cast<int*>(context); }

constexpr haft_type kType = {"type", "identity", nullptr, 0, 0};

TEST(AnyObjectTest, IsDestroyedOnceWhereverItIsMoved) {
  int destroyed = 0;
  {
    internal::AnyObject first(nullptr, &kType, &Count, &destroyed);
    internal::AnyObject second(std::move(first));
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 1);
}

TEST(AnyObjectTest, ReleasedIsNotDestroyed) {
  int destroyed = 0, object = 0;
  {
    internal::AnyObject any(&object, &kType, &Count, &destroyed);
    EXPECT_EQ(any.Release(), &object);
  }
  EXPECT_EQ(destroyed, 0);
}

TEST(AnyTraitsTest, IsAsHeadersSay) {
  // haft.h: a handle is never issued again, except where words have 32 bits.
  EXPECT_EQ(internal::AnyTraits::kExhaustion,
            sizeof(Word) == 8 ? Exhaustion::kDropSlot : Exhaustion::kWrap);
  // view.h: 240 loans, of 128 ready handles and 128 ended ones.
  EXPECT_EQ(internal::AnyTraits::kSlotsOfLoan, 256u);
  EXPECT_EQ(internal::AnyTraits::kSlotsSetAside, 240u * 256u);
}

TEST(TypeMatchesTest, ByAddressOrByIdentity) {
  char same[] = "identity";
  const haft_type alias = {"alias", same, nullptr, 0, 0};
  const haft_type other = {"type", "other", nullptr, 0, 0};
  const haft_type nameless = {"type", nullptr, nullptr, 0, 0};
  const haft_type nameless_too = {"type", nullptr, nullptr, 0, 0};
  EXPECT_TRUE(internal::TypeMatches(&kType, nullptr));
  EXPECT_TRUE(internal::TypeMatches(&kType, &kType));
  EXPECT_TRUE(internal::TypeMatches(&kType, &alias));
  EXPECT_FALSE(internal::TypeMatches(&kType, &other));
  EXPECT_FALSE(internal::TypeMatches(&kType, &nameless));
  EXPECT_FALSE(internal::TypeMatches(&nameless, &kType));
  EXPECT_TRUE(internal::TypeMatches(&nameless, &nameless));
  EXPECT_FALSE(internal::TypeMatches(&nameless, &nameless_too));
}

TEST(TypeMatchesTest, EqualIdentitiesNeedEqualLayoutsIfBothAreKnown) {
  const haft_type a = {"a", "identity", nullptr, 16, 8};
  const haft_type same = {"same", "identity", nullptr, 16, 8};
  const haft_type larger = {"larger", "identity", nullptr, 24, 8};
  const haft_type aligned = {"aligned", "identity", nullptr, 16, 16};
  const haft_type of_size = {"of size", "identity", nullptr, 16, 0};
  const haft_type of_alignment = {"of alignment", "identity", nullptr, 0, 8};
  EXPECT_TRUE(internal::TypeMatches(&a, &same));
  EXPECT_FALSE(internal::TypeMatches(&a, &larger));
  EXPECT_FALSE(internal::TypeMatches(&larger, &a));
  EXPECT_FALSE(internal::TypeMatches(&a, &aligned));
  EXPECT_FALSE(internal::TypeMatches(&aligned, &a));
  EXPECT_TRUE(internal::TypeMatches(&a, &kType)) << "unknown";
  EXPECT_TRUE(internal::TypeMatches(&kType, &a)) << "unknown";
  EXPECT_TRUE(internal::TypeMatches(&aligned, &of_size));
  EXPECT_FALSE(internal::TypeMatches(&larger, &of_size));
  EXPECT_TRUE(internal::TypeMatches(&of_alignment, &larger));
  EXPECT_FALSE(internal::TypeMatches(&of_alignment, &aligned));
}

TEST(AnyTableTest, ValueReturnsTheStatusOfABadHandle) {
  internal::AnyTable table(10);
  int object = 0;
  const haft_type other = {"other", nullptr, nullptr, 0, 0};
  const Handle handle = table.Emplace(&object, &kType, nullptr, nullptr);
  void* found = nullptr;
  EXPECT_EQ(internal::AnyValue(table, handle, &other, &found),
            Status::kWrongType);
  EXPECT_EQ(internal::AnyValue(table, kNullHandle, &kType, &found),
            Status::kNull);
  EXPECT_EQ(internal::AnyValue(table, Handle(2), &kType, &found),
            Status::kMalformed);
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(internal::AnyValue(table, handle, &kType, &found), Status::kOk);
  EXPECT_EQ(found, &object);
  EXPECT_EQ(table.Delete(handle), Status::kOk);
  EXPECT_EQ(internal::AnyValue(table, handle, &kType, &found), Status::kStale);
}

TEST(AnyTableTest, ValueOfAnEarlierHandleOfTheSlotIsRefused) {
  internal::AnyTable table(1);
  int objects[2] = {};
  const Handle first = table.Emplace(&objects[0], &kType, nullptr, nullptr);
  EXPECT_EQ(table.Delete(first), Status::kOk);
  const Handle second = table.Emplace(&objects[1], &kType, nullptr, nullptr);
  void* found = nullptr;
  EXPECT_EQ(internal::AnyValue(table, first, &kType, &found), Status::kStale);
  EXPECT_EQ(internal::AnyValue(table, second, &kType, &found), Status::kOk);
  EXPECT_EQ(found, &objects[1]);
}

// The fast paths know a type by its address, and change nothing where they
// refuse.
TEST(AnyTableTest, FastPathsAcceptOneDescriptorOrAnyType) {
  internal::AnyTable table(10);
  int object = 0, destroyed = 0;
  const haft_type same = {"t", "same identity", nullptr, 0, 0};
  const haft_type equal = same;
  const Handle handle = table.Emplace(&object, &same, &Count, &destroyed);
  void* found = nullptr;
  EXPECT_FALSE(internal::TryAnyValue(table, handle, &equal, &found));
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(internal::AnyValue(table, handle, &equal, &found), Status::kOk);
  found = nullptr;
  EXPECT_FALSE(internal::TryAnyValue(table, kNullHandle, &same, &found));
  EXPECT_FALSE(internal::TryAnyEnd(table, kNullHandle, nullptr));
  EXPECT_FALSE(internal::TryAnyEnd(table, handle, &equal));
  EXPECT_EQ(table.Check(handle), Status::kOk);
  const haft_type* const any = nullptr;
  for (const haft_type* const wanted : {&same, any}) {
    EXPECT_TRUE(internal::TryAnyValue(table, handle, wanted, &found));
    EXPECT_EQ(found, &object);
    const Handle other = table.Emplace(&object, &same, &Count, &destroyed);
    const int before = destroyed;
    EXPECT_TRUE(internal::TryAnyEnd(table, other, wanted));
    EXPECT_EQ(table.Check(other), Status::kStale);
    EXPECT_EQ(destroyed, before) << "Dispose destroys it";
    table.Dispose(other);
    EXPECT_EQ(destroyed, before + 1);
    EXPECT_FALSE(internal::TryAnyEnd(table, other, wanted));
  }
  EXPECT_EQ(table.Delete(handle), Status::kOk);
  found = nullptr;
  EXPECT_FALSE(internal::TryAnyValue(table, handle, &same, &found));
  EXPECT_EQ(found, nullptr);
}

TEST(AnyTableTest, TakeGivesBackTheObjectAndItsOwner) {
  internal::AnyTable table(10);
  int destroyed = 0, object = 0;
  const haft_type other = {"other", nullptr, nullptr, 0, 0};
  const Handle handle = table.Emplace(&object, &kType, &Count, &destroyed);
  const auto as_it_is = [](internal::AnyObject any) { return any; };
  internal::TakenObject taken{};
  EXPECT_EQ(internal::AnyTake(table, handle, &other, as_it_is, &taken),
            Status::kWrongType);
  EXPECT_EQ(taken.object, nullptr);
  int ended = 0;
  EXPECT_EQ(internal::AnyTake(table, handle, &kType, as_it_is, &taken,
                              [&] { ended = 1 + destroyed; }),
            Status::kOk);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(destroyed, 0);
  EXPECT_EQ(taken.object, &object);
  EXPECT_EQ(taken.destroy, &Count);
  EXPECT_EQ(taken.context, &destroyed);
  EXPECT_EQ(internal::AnyTake(table, handle, &kType, as_it_is, &taken),
            Status::kStale);
}

TEST(AnyTableTest, APinKnowsItsTableAndWhetherItHasEnded) {
  internal::AnyTable first(10), second(10);
  for (internal::AnyTable* const table : {&first, &second}) {
    const Handle handle = table->Emplace(nullptr, &kType, nullptr, nullptr);
    const PinWords words = table->Pin(handle).Detach();
    EXPECT_EQ(internal::AnyTable::OwnerOfPin(words.words[0]), table);
    EXPECT_EQ(table->DeleteUnlessPinned(handle), Status::kPinned);
    EXPECT_TRUE(internal::AnyTable::Pinned::Attach(words).UnpinIfHeld());
    EXPECT_FALSE(internal::AnyTable::Pinned::Attach(words).UnpinIfHeld());
    EXPECT_EQ(table->DeleteUnlessPinned(handle), Status::kOk);
    EXPECT_FALSE(internal::AnyTable::Pinned::Attach(words).UnpinIfHeld());
  }
  EXPECT_TRUE(internal::AnyTable::Pinned::Attach({}).UnpinIfHeld());
}

TEST(AnyTableTest, CreateFailsWhereTheConstructorThrows) {
  EXPECT_EQ(internal::AnyTable::Create(internal::AnyTable::kMaxCapacity + 1),
            nullptr);
  const auto table = internal::AnyTable::Create(10);
  ASSERT_NE(table, nullptr);
  EXPECT_NE(table->Emplace(nullptr, &kType, nullptr, nullptr), kNullHandle);
}

}  // namespace
}  // namespace haft
