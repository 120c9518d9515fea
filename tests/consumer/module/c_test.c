/* A C program with the process's table: exits with 0 if the library works. */

#include "haft/haft.h"

static const haft_type type = {"int", NULL, NULL, 0, 0};

int main(void) {
  int number = 5;
  void *object = NULL;
  haft_handle handle = 0;
  if (haft_version() != HAFT_VERSION) return 1;
  if (haft_new(&number, &type, &handle) != HAFT_OK) return 2;
  if (haft_value(handle, &type, &object) != HAFT_OK) return 3;
  if (object != &number) return 4;
  if (haft_delete(handle, &type) != HAFT_OK) return 5;
  return haft_value(handle, &type, &object) == HAFT_STALE ? 0 : 6;
}
