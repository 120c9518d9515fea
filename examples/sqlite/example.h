/* Objects that SQLite calls: as handles in function.c and hooks.c, as pointers
 * in raw.c. */

#ifndef HAFT_EXAMPLES_SQLITE_EXAMPLE_H_
#define HAFT_EXAMPLES_SQLITE_EXAMPLE_H_

#include <sqlite3.h>

/* Registers the SQL function next_ticket(), which returns 1, 2, and so on.
 * After the last of `count` tickets the machine closes itself. */
int tickets_open(sqlite3 *db, int count);

/* Counts the rows that are changed; its commit hook needs the count. At row
 * `most` the audit removes its hook and closes itself. */
int audit_open(sqlite3 *db, int most);

#endif /* HAFT_EXAMPLES_SQLITE_EXAMPLE_H_ */
