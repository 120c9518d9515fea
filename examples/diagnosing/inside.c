/* A program that turns diagnostics on itself, and logs in its own way. */

#include <stddef.h>
#include <stdio.h>

#include "haft/haft.h"

static const haft_type kSession = {"session", "example.session/1", NULL, 0, 0};

static void log_line(void *log, const char *text) {
  fprintf((FILE *)log, "[handles] %s\n", text);
}

static void log_refusal(void *log, haft_table *table, haft_handle handle,
                        haft_status status, const char *description) {
  (void)table, (void)handle;
  fprintf((FILE *)log, "[%s] %s\n", haft_status_name(status), description);
}

int main(void) {
  int session;
  haft_handle handle;
  void *object;
  haft_diagnose(HAFT_DIAGNOSE_SITES); /* before any other call of Haft */
  haft_set_refusal_callback(log_refusal, stdout, 10);
  if (HAFT_NEW(&session, &kSession, &handle) != HAFT_OK) return 1;

  haft_table_report(NULL, 20, log_line, stdout);

  HAFT_DELETE(handle, &kSession);
  if (haft_value(handle, &kSession, &object) != HAFT_STALE) return 1;

  char text[1000];
  haft_describe(handle, text, sizeof(text));
  log_line(stdout, text);
  return 0;
}
