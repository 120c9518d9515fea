#include "haft/internal/slot/compact_slot.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/slot/slot_state.h"

namespace haft::internal {
namespace {

constexpr unsigned kBits = std::numeric_limits<Word>::digits;

struct Pointee;
using Pointer = Pointee*;
Pointer At(Word address) { return reinterpret_cast<Pointer>(address); }

// A few bits of generation, and as many as an address leaves.
using L = HandleLayout<4, 4>;
using State = SlotState<L>;
constexpr std::size_t kAlignment = 16;
using Slot = CompactSlot<Pointer, L, kAlignment>;

constexpr Word kIndex = 5;
constexpr Word kHandle = L::Make(3, kIndex);
constexpr Word kNext = State::Next(kHandle);
constexpr Word kEnd = State::Free(kNext);
// With every other bit of the address set.
constexpr Word kAddress = ~Word{0} / 3 & ~Word{kAlignment - 1};

TEST(CompactSlotTest, IsOneWord) {
  static_assert(sizeof(Slot) == (kAddressSanitizer ? 2 : 1) * sizeof(Word));
  static_assert(!kStoresHandle<Slot>);
}

TEST(CompactSlotTest, AnswersToTheGenerationOfTheLastPublishOnly) {
  Slot slot{};
  for (Word generation = 1; generation <= L::Generation::kMax; ++generation)
    EXPECT_EQ(slot.Read(L::Make(generation, kIndex)), std::nullopt);
  slot.Publish(kHandle, At(kAddress));
  for (Word generation = 1; generation <= L::Generation::kMax; ++generation) {
    const Word handle = L::Make(generation, kIndex);
    if (handle == kHandle) {
      EXPECT_EQ(slot.Read(handle), At(kAddress));
    } else {
      EXPECT_EQ(slot.Read(handle), std::nullopt) << generation;
    }
  }
}

TEST(CompactSlotTest, EndSucceedsOnceAndGivesThePointerToItsCaller) {
  Slot slot{};
  slot.Publish(kHandle, At(kAddress));
  EXPECT_EQ(slot.End(L::Make(2, kIndex), kEnd), 0u);
  EXPECT_EQ(slot.Read(kHandle), At(kAddress)) << "unharmed by another handle";
  const Word ended = slot.End(kHandle, kEnd);
  EXPECT_NE(ended, 0u);
  EXPECT_EQ(slot.ReadOwned(ended).Value(), At(kAddress));
  slot.Forget();
  EXPECT_EQ(slot.state(kIndex), kEnd);
  EXPECT_EQ(slot.Read(kHandle), std::nullopt);
  EXPECT_EQ(slot.Read(kNext), std::nullopt) << "not issued yet";
  EXPECT_EQ(slot.End(kHandle, kEnd), 0u);
  EXPECT_EQ(slot.End(kNext, kEnd), 0u);
}

// The words of slots that are not live have it.
TEST(CompactSlotTest, NothingAnswersToGenerationZero) {
  constexpr Word kZero = L::Make(0, kIndex);
  Slot slot{};
  const auto expect_closed = [&] {
    EXPECT_EQ(slot.Read(kZero), std::nullopt);
    EXPECT_EQ(slot.End(kZero, kEnd), 0u);
  };
  expect_closed();
  slot.Initialize(State::Free(kHandle));
  expect_closed();
  slot.Publish(kHandle, At(0));
  expect_closed();
  EXPECT_NE(slot.End(kHandle, State::Exhausted(kHandle)), 0u);
  expect_closed();
}

TEST(CompactSlotTest, StateIsThatOfAnySlot) {
  constexpr Word kLast = L::Make(L::Generation::kMax, kIndex);
  Slot slot{};
  EXPECT_EQ(slot.state(kIndex), 0u);
  EXPECT_EQ(slot.AcquireState(kIndex), 0u);
  for (const Word next : {L::Make(1, kIndex), kHandle, kLast}) {
    slot.Initialize(State::Free(next));
    EXPECT_EQ(slot.state(kIndex), State::Free(next));
    EXPECT_EQ(slot.AcquireState(kIndex), State::Free(next));
    for (const Word address : {Word{0}, Word{kAddress}}) {
      slot.Publish(next, At(address));
      EXPECT_EQ(slot.state(kIndex), next);
      EXPECT_EQ(slot.AcquireState(kIndex), next);
    }
  }
  EXPECT_NE(slot.End(kLast, State::Exhausted(kLast)), 0u);
  EXPECT_EQ(slot.state(kIndex), State::Exhausted(kLast));
  EXPECT_EQ(slot.AcquireState(kIndex), State::Exhausted(kLast));
  EXPECT_EQ(slot.Read(kLast), std::nullopt);
  EXPECT_EQ(slot.Read(L::Make(1, kIndex)), std::nullopt);
}

// Expects that a slot takes each pointer up to the highest one, and none that
// is higher or not aligned.
template <std::size_t kAlignmentV, typename LayoutT>
void ExpectRoomForAddressesBelow(Word end) {
  using AnySlot = CompactSlot<Pointer, LayoutT, kAlignmentV>;
  SCOPED_TRACE(kAlignmentV);
  const Word highest = end - kAlignmentV;  // also if `end` is 0, for all
  const Word last = LayoutT::Make(LayoutT::Generation::kMax, kIndex);
  for (const Word address : {Word{0}, Word{kAlignmentV}, highest / 2 + 1,
                             highest - kAlignmentV, highest}) {
    const Word aligned = address & ~Word{kAlignmentV - 1};
    ASSERT_TRUE(AnySlot::Fits(At(aligned))) << std::hex << aligned;
    for (const Word generation : {Word{1}, LayoutT::Generation::kMax}) {
      AnySlot slot{};
      const Word handle = LayoutT::Make(generation, kIndex);
      slot.Publish(handle, At(aligned));
      EXPECT_EQ(slot.Read(handle), At(aligned));
      EXPECT_EQ(slot.state(kIndex), handle);
      const Word ended = slot.End(handle, SlotState<LayoutT>::Exhausted(last));
      EXPECT_NE(ended, 0u);
      EXPECT_EQ(slot.ReadOwned(ended).Value(), At(aligned));
    }
  }
  if (end != 0) {
    EXPECT_FALSE(AnySlot::Fits(At(end)));
    EXPECT_FALSE(AnySlot::Fits(At(end + kAlignmentV)));
    EXPECT_FALSE(AnySlot::Fits(At(Word{1} << (kBits - 1))));
  }
  for (Word bit = 1; bit < kAlignmentV; bit <<= 1) {
    EXPECT_FALSE(AnySlot::Fits(At(bit))) << bit;
    EXPECT_FALSE(AnySlot::Fits(At(highest + bit))) << bit;
  }
}

TEST(CompactSlotTest, TakesAllAddressesOfTheUsersHalfAtEveryAlignment) {
#if UINTPTR_MAX > 0xffffffffu
  constexpr Word kEndOfAddresses = Word{1} << kAddressBits;
  ExpectRoomForAddressesBelow<1, CompactLayout<1>>(kEndOfAddresses);
  ExpectRoomForAddressesBelow<2, CompactLayout<2>>(kEndOfAddresses);
  ExpectRoomForAddressesBelow<4, CompactLayout<4>>(kEndOfAddresses);
  ExpectRoomForAddressesBelow<8, CompactLayout<8>>(kEndOfAddresses);
  ExpectRoomForAddressesBelow<16, CompactLayout<16>>(kEndOfAddresses);
  ExpectRoomForAddressesBelow<64, CompactLayout<64>>(kEndOfAddresses);
  ExpectRoomForAddressesBelow<4096, CompactLayout<4096>>(kEndOfAddresses);
#else
  // All 32 bits of an address, beside what its alignment leaves.
  ExpectRoomForAddressesBelow<2, CompactLayout<2>>(0);
  ExpectRoomForAddressesBelow<8, CompactLayout<8>>(0);
  ExpectRoomForAddressesBelow<4096, CompactLayout<4096>>(0);
#endif
}

TEST(CompactSlotTest, FewerGenerationsLeaveRoomForHigherAddresses) {
#if UINTPTR_MAX > 0xffffffffu
  ExpectRoomForAddressesBelow<1, L>(Word{1} << (kBits - 4));
  ExpectRoomForAddressesBelow<8, L>(Word{1} << (kBits - 1));
#endif
  // Just enough for any address, and more than enough.
  ExpectRoomForAddressesBelow<16, L>(0);
  ExpectRoomForAddressesBelow<64, L>(0);
}

#if UINTPTR_MAX > 0xffffffffu
// Functions are not aligned, so there is no room for them in words of 32 bits.
TEST(CompactSlotTest, FunctionsHaveAddressesToo) {
  using Function = int (*)(int);
  CompactSlot<Function, L, 1> slot{};
  const Function next = +[](int n) { return n + 1; };
  ASSERT_TRUE(slot.Fits(next));
  slot.Publish(kHandle, next);
  const std::optional<Function> found = slot.Read(kHandle);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ((*found)(1), 2);
}
#endif

}  // namespace
}  // namespace haft::internal
