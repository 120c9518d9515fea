// The sessions in which a thread works on a table.

#ifndef HAFT_BENCH_SESSIONS_H_
#define HAFT_BENCH_SESSIONS_H_

namespace haft::bench {

// One session for all operations of a thread, as long as `kHold` is 0.
// Otherwise `kHold` operations share a session, which is closed after them: the
// guard of a table whose session is a guard.
template <typename Table, int kHold>
class Sessions {
 public:
  explicit Sessions(Table& table) : table_(table) {}

  // Calls use(session, from, to) for ranges that make up 0 to `count`.
  template <typename F>
  [[gnu::always_inline]] void ForRanges(int count, F use) {
    for (int from = 0; from < count; from += kHold) {
      typename Table::Session session(table_);
      use(session, from, from + kHold < count ? from + kHold : count);
    }
  }

 private:
  Table& table_;
};

template <typename Table>
class Sessions<Table, 0> {
 public:
  explicit Sessions(Table& table) : session_(table) {}

  template <typename F>
  [[gnu::always_inline]] void ForRanges(int count, F use) {
    use(session_, 0, count);
  }
  typename Table::Session& session() { return session_; }

 private:
  typename Table::Session session_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_SESSIONS_H_
