/* A program that opens three sessions and forgets one of them. */

#include <stddef.h>

#include "haft/haft.h"

static const haft_type kSession = {"session", "example.session/1", NULL, 0, 0};

int main(void) {
  int sessions[3];
  haft_handle open[3];
  for (int i = 0; i < 3; ++i)
    if (HAFT_NEW(&sessions[i], &kSession, &open[i]) != HAFT_OK) return 1;
  haft_delete(open[0], &kSession);
  haft_delete(open[2], &kSession);
  return 0;
}
