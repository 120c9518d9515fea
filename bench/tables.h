// One interface over Haft and over the maps that people use instead of it.
//
//   class Table {
//     static constexpr const char* kName;
//     explicit Table(std::size_t capacity);    for `capacity` live keys
//     struct Session { explicit Session(Table&); };    the data of one thread
//     Key New(Session&, Object*);              returns kNoKey if it fails
//     bool Find(Key, Object**);                false if the key is not live
//     bool Delete(Key);                        likewise
//   };

#ifndef HAFT_BENCH_TABLES_H_
#define HAFT_BENCH_TABLES_H_

#include "bench/tables/haft_table.h"
#include "bench/tables/key.h"
#include "bench/tables/keyed_table.h"
#include "bench/tables/locked_maps.h"
#include "bench/tables/tbb_table.h"

namespace haft::bench {

// Looks a key up for a thread, through the session if the session has a Find.
// Inlined by force, or a row would measure a call as well, as the compiler
// thinks best.
template <typename Table, typename Session>
[[gnu::always_inline]] inline auto FindIn(Table&, Session& session, Key key,
                                          Object** object)
    -> decltype(session.Find(key, object)) {
  return session.Find(key, object);
}
template <typename Table>
[[gnu::always_inline]] inline bool FindIn(Table& table,
                                          const typename Table::Session&,
                                          Key key, Object** object) {
  return table.Find(key, object);
}

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_H_
