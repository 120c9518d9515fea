/* Runs `test function | hooks`, the same for handles and for pointers. */

#include <string.h>

#include "../expect.h"
#include "example.h"

static sqlite3 *db;

static int run(const char *sql) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int number(const char *sql) {
  sqlite3_stmt *statement;
  EXPECT(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
  EXPECT(sqlite3_step(statement) == SQLITE_ROW);
  const int result = sqlite3_column_int(statement, 0);
  EXPECT(sqlite3_finalize(statement) == SQLITE_OK);
  return result;
}

static void function_closes_its_object(void) {
  EXPECT(tickets_open(db, 3) == SQLITE_OK);
  EXPECT(number("SELECT next_ticket() + next_ticket()") == 1 + 2);
  EXPECT(number("SELECT next_ticket()") == 3);
  EXPECT(run("SELECT next_ticket()") == SQLITE_ERROR);
  EXPECT(strcmp(sqlite3_errmsg(db), "the handle has been deleted") == 0);
  /* The same inside one statement. */
  EXPECT(tickets_open(db, 2) == SQLITE_OK);
  EXPECT(run("SELECT next_ticket() FROM (VALUES (1), (2), (3))") ==
         SQLITE_ERROR);
  EXPECT(strcmp(sqlite3_errmsg(db), "the handle has been deleted") == 0);
  /* If the function is replaced while its object lives, SQLite ends the object.
   */
  EXPECT(tickets_open(db, 9) == SQLITE_OK);
  EXPECT(number("SELECT next_ticket()") == 1);
  EXPECT(tickets_open(db, 9) == SQLITE_OK);
}

static void hook_unregisters_itself(void) {
  EXPECT(run("CREATE TABLE t (x)") == SQLITE_OK);
  EXPECT(audit_open(db, 3) == SQLITE_OK);
  EXPECT(run("INSERT INTO t VALUES (1), (2)") == SQLITE_OK);
  /* The third row closes the audit; so the fourth is not counted, and what is
   * not counted is not committed. */
  EXPECT(run("INSERT INTO t VALUES (3), (4)") == SQLITE_CONSTRAINT);
  EXPECT(sqlite3_extended_errcode(db) == SQLITE_CONSTRAINT_COMMITHOOK);
  EXPECT(number("SELECT count(*) FROM t") == 2);
  EXPECT(sqlite3_update_hook(db, NULL, NULL) == NULL);
}

int main(int argc, char **argv) {
  EXPECT(argc == 2);
  EXPECT(sqlite3_open(":memory:", &db) == SQLITE_OK);
  if (strcmp(argv[1], "function") == 0) function_closes_its_object();
  if (strcmp(argv[1], "hooks") == 0) hook_unregisters_itself();
  EXPECT(sqlite3_close(db) == SQLITE_OK);
  return 0;
}
