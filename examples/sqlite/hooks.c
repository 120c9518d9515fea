/* Two hooks that share an object. One of them ends the object while it runs. */

#include <stdlib.h>

#include "example.h"
#include "haft/haft.h"

typedef struct {
  sqlite3 *db;
  int rows;
  int most;
} audit;

static const haft_type kAudit = {.name = "audit", .destroy = free};

/* sqlite3_update_hook returns the user data that it had until now. */
static void audit_close(sqlite3 *db) {
  void *const user_data = sqlite3_update_hook(db, NULL, NULL);
  haft_delete(haft_from_pointer(user_data), &kAudit);
}

static void on_row(void *user_data, int operation, const char *database,
                   const char *table, sqlite3_int64 row) {
  void *object;
  haft_pin pin;
  (void)operation, (void)database, (void)table, (void)row;
  if (haft_pin_object(haft_from_pointer(user_data), &kAudit, &pin, &object) !=
      HAFT_OK)
    return;
  audit *const a = object;
  if (a->rows + 1 == a->most) audit_close(a->db);
  a->rows++; /* still there, because pinned */
  haft_unpin(&pin);
}

/* A result other than 0 makes SQLite roll back and report it. */
static int on_commit(void *user_data) {
  void *object;
  return haft_value(haft_from_pointer(user_data), &kAudit, &object) != HAFT_OK;
}

int audit_open(sqlite3 *db, int most) {
  audit *const a = malloc(sizeof(*a));
  haft_handle handle;
  if (a == NULL) return SQLITE_NOMEM;
  *a = (audit){db, 0, most};
  if (haft_new(a, &kAudit, &handle) != HAFT_OK) {
    free(a);
    return SQLITE_NOMEM;
  }
  sqlite3_update_hook(db, on_row, haft_to_pointer(handle));
  sqlite3_commit_hook(db, on_commit, haft_to_pointer(handle));
  return SQLITE_OK;
}
