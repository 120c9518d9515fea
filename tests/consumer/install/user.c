/* A C99 program that uses an installed Haft. */

#include <haft/haft.h>
#include <stdio.h>

static const haft_type kType = {.name = "int"};

int main(void) {
  int object = 7;
  void *found = NULL;
  haft_handle handle = 0;
  if (haft_new(&object, &kType, &handle) != HAFT_OK) return 1;
  if (haft_value(handle, &kType, &found) != HAFT_OK || found != &object)
    return 2;
  if (haft_delete(handle, &kType) != HAFT_OK) return 3;
  if (haft_check(handle) != HAFT_STALE) return 4;
  printf("%d.%d.%d %d %d\n", HAFT_VERSION_MAJOR, HAFT_VERSION_MINOR,
         HAFT_VERSION_PATCH, HAFT_VERSION, haft_version());
  return 0;
}
