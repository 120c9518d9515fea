/* Objects that SQLite calls: as handles in function.c and hooks.c, as pointers
 * in raw.c. */

#ifndef HAFT_EXAMPLES_SQLITE_EXAMPLE_H_
#define HAFT_EXAMPLES_SQLITE_EXAMPLE_H_

#include <sqlite3.h>

/* Registers the SQL function next_ticket(): 1, 2, and so on. With the last of
 * `count` tickets the machine closes itself. */
int tickets_open(sqlite3 *db, int count);

/* Counts the rows that are changed, for a commit hook that wants them counted.
 * With row `most` the audit takes its hook off and closes itself. */
int audit_open(sqlite3 *db, int most);

#endif /* HAFT_EXAMPLES_SQLITE_EXAMPLE_H_ */
