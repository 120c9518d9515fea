/* A shared library that uses Haft. shared_library_test loads it. */

#include <stdlib.h>

#include "haft/haft.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int plugin_destroyed = 0;

static void destroy(void *object) {
  ++plugin_destroyed;
  free(object);
}
static const haft_type kNumber = {
    .name = "number", .identity = "haft.test.number/1", .destroy = destroy};

EXPORT haft_handle plugin_new(int number) {
  haft_handle handle = 0;
  int *object = (int *)malloc(sizeof(int));
  if (object == NULL) return 0;
  *object = number;
  if (haft_new(object, &kNumber, &handle) != HAFT_OK) free(object);
  return handle;
}

EXPORT int plugin_value(haft_handle handle) {
  void *object = NULL;
  return haft_value(handle, &kNumber, &object) == HAFT_OK ? *(int *)object : -1;
}

EXPORT haft_status plugin_delete(haft_handle handle) {
  return haft_delete(handle, &kNumber);
}
