// Two threads of the yardstick take turns.

#include "bench/arms/ping_pong.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace haft::study {
namespace {

constexpr int kPasses = 1000;

// Passes, and expects after each pass that the partner is at most one pass
// behind, which it may not have counted yet.
void PassAndLook(PingPong& table, PingPong::Session& session,
                 std::atomic<int>& mine, const std::atomic<int>& partners) {
  for (int i = 1; i <= kPasses; ++i) {
    Value value;
    EXPECT_TRUE(table.Find(session, 7, &value));
    EXPECT_EQ(value, 7U);
    mine.store(i);
    EXPECT_GE(partners.load(), i - 2);
  }
}

TEST(PingPongTest, ThreadsTakeTurns) {
  PingPong table(2, 2);
  // The worker's main thread has had a session before.
  { PingPong::Session session(table); }
  PingPong::Session session(table);
  std::atomic<int> first{0}, second{0};
  std::atomic<bool> is_ready{false};
  std::thread partner([&] {
    PingPong::Session other(table);
    is_ready.store(true);
    // If the first thread does not wait, it is through by now.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    PassAndLook(table, other, second, first);
  });
  while (!is_ready.load()) std::this_thread::yield();
  PassAndLook(table, session, first, second);
  partner.join();
}

TEST(PingPongTest, ThreadWithoutPartnerDoesNotWait) {
  PingPong table(2, 3);
  PingPong::Session first(table), second(table), third(table);
  Value value;
  // All are of this thread. The first two are partners, the third has none.
  EXPECT_TRUE(table.Find(first, 1, &value));
  EXPECT_TRUE(table.Find(second, 2, &value));
  EXPECT_TRUE(table.Find(third, 3, &value));
  EXPECT_TRUE(table.Find(third, 4, &value));
  EXPECT_EQ(value, 4U);
}

TEST(PingPongTest, ThreadWhosePartnerHasEndedDoesNotWait) {
  PingPong table(2, 2);
  PingPong::Session session(table);
  { PingPong::Session other(table); }
  Value value;
  EXPECT_TRUE(table.Find(session, 1, &value));
  EXPECT_TRUE(table.Find(session, 2, &value));
}

}  // namespace
}  // namespace haft::study
