/* An SQL function whose object may end while SQLite is calling it. */

#include <stdlib.h>

#include "example.h"
#include "haft/haft.h"

typedef struct {
  int sold;
  int count;
} machine;

static const haft_type kMachine = {.name = "ticket machine", .destroy = free};

static void next_ticket(sqlite3_context *context, int argc,
                        sqlite3_value **argv) {
  const haft_handle handle = haft_from_pointer(sqlite3_user_data(context));
  void *object;
  haft_pin pin;
  const haft_status status = haft_pin_object(handle, &kMachine, &pin, &object);
  (void)argc, (void)argv;
  if (status != HAFT_OK) {
    sqlite3_result_error(context, haft_strerror(status), -1);
    return;
  }
  machine *const tickets = object;
  tickets->sold++;
  if (tickets->sold == tickets->count) haft_delete(handle, &kMachine);
  sqlite3_result_int(context, tickets->sold); /* still there, because pinned */
  haft_unpin(&pin); /* destroys it here if it was deleted */
}

/* Called when SQLite releases its user data. If the handle was deleted before,
 * this is refused. */
static void close_handle(void *user_data) {
  haft_delete(haft_from_pointer(user_data), &kMachine);
}

int tickets_open(sqlite3 *db, int count) {
  machine *const tickets = malloc(sizeof(*tickets));
  haft_handle handle;
  if (tickets == NULL) return SQLITE_NOMEM;
  *tickets = (machine){0, count};
  if (haft_new(tickets, &kMachine, &handle) != HAFT_OK) {
    free(tickets);
    return SQLITE_NOMEM;
  }
  return sqlite3_create_function_v2(db, "next_ticket", 0, SQLITE_UTF8,
                                    haft_to_pointer(handle), next_ticket, NULL,
                                    NULL, close_handle);
}
