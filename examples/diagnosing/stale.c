/* A program whose timer calls back with a session that was closed. */

#include <stddef.h>
#include <stdio.h>

#include "haft/haft.h"

static const haft_type kSession = {"session", "example.session/1", NULL, 0, 0};

static void on_timer(void *user_data) {
  void *session;
  const haft_status status =
      haft_value(haft_from_pointer(user_data), &kSession, &session);
  if (status != HAFT_OK) printf("timer: %s\n", haft_strerror(status));
}

int main(void) {
  int session;
  haft_handle handle;
  if (HAFT_NEW(&session, &kSession, &handle) != HAFT_OK) return 1;
  HAFT_DELETE(handle, &kSession);
  on_timer(haft_to_pointer(handle));
  return 0;
}
