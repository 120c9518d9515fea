/* The same with the pointer as user data. It has the bugs that function.c and
 * hooks.c do not have. */

#include <stdlib.h>

#include "example.h"

typedef struct {
  int sold;
  int count;
} machine;

static void next_ticket(sqlite3_context *context, int argc,
                        sqlite3_value **argv) {
  machine *const tickets = sqlite3_user_data(context);
  (void)argc, (void)argv;
  tickets->sold++;
  if (tickets->sold == tickets->count) free(tickets);
  sqlite3_result_int(context, tickets->sold); /* use after free */
}

int tickets_open(sqlite3 *db, int count) {
  machine *const tickets = malloc(sizeof(*tickets));
  if (tickets == NULL) return SQLITE_NOMEM;
  *tickets = (machine){0, count};
  return sqlite3_create_function_v2(db, "next_ticket", 0, SQLITE_UTF8, tickets,
                                    next_ticket, NULL, NULL, NULL);
}

typedef struct {
  sqlite3 *db;
  int rows;
  int most;
} audit;

static void on_row(void *user_data, int operation, const char *database,
                   const char *table, sqlite3_int64 row) {
  audit *const a = user_data;
  (void)operation, (void)database, (void)table, (void)row;
  if (a->rows + 1 == a->most) free(sqlite3_update_hook(a->db, NULL, NULL));
  a->rows++; /* use after free */
}

static int on_commit(void *user_data) {
  const audit *const a = user_data;
  return a->rows == a->most;
}

int audit_open(sqlite3 *db, int most) {
  audit *const a = malloc(sizeof(*a));
  if (a == NULL) return SQLITE_NOMEM;
  *a = (audit){db, 0, most};
  sqlite3_update_hook(db, on_row, a);
  sqlite3_commit_hook(db, on_commit, a);
  return SQLITE_OK;
}
