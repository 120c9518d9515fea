// The sessions in which the benchmarks' threads work on a table.

#include "bench/sessions.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace haft::bench {
namespace {

// Counts the sessions that there are, and those that there were.
struct Table {
  struct Session {
    explicit Session(Table& counted) : table(counted) {
      ++table.open;
      ++table.opened;
    }
    ~Session() { --table.open; }
    Table& table;
  };
  int open = 0;
  int opened = 0;
};

template <int kHold>
std::vector<std::pair<int, int>> Ranges(int count, Table& table) {
  std::vector<std::pair<int, int>> ranges;
  Sessions<Table, kHold> sessions(table);
  sessions.ForRanges(count, [&](Table::Session& session, int from, int to) {
    EXPECT_EQ(&session.table, &table);
    EXPECT_EQ(table.open, 1);
    ranges.emplace_back(from, to);
  });
  return ranges;
}

using Pairs = std::vector<std::pair<int, int>>;

TEST(SessionsTest, OneSessionIsForAllOperations) {
  Table table;
  EXPECT_EQ(Ranges<0>(256, table), (Pairs{{0, 256}}));
  EXPECT_EQ(table.opened, 1);
  EXPECT_EQ(table.open, 0);
}

TEST(SessionsTest, EachSessionIsForAsManyOperationsAsItHolds) {
  Table table;
  EXPECT_EQ(Ranges<128>(256, table), (Pairs{{0, 128}, {128, 256}}));
  EXPECT_EQ(table.opened, 2);
  EXPECT_EQ(Ranges<128>(257, table), (Pairs{{0, 128}, {128, 256}, {256, 257}}));
  EXPECT_EQ(table.opened, 5);
  EXPECT_EQ(Ranges<128>(0, table), Pairs{});
  EXPECT_EQ(table.opened, 5);
  EXPECT_EQ(table.open, 0);
}

}  // namespace
}  // namespace haft::bench
