#include "value.h"

#include "_cgo_export.h"

static void destroy(void *number) { haftGoDestroy((uintptr_t)number); }

/* It has no identity, because other copies of this package have other numbers.
 */
static const haft_type kGoValue = {.name = "Go value", .destroy = destroy};

haft_go_made haft_go_new(uintptr_t number) {
  return haft_go_new_object((void *)number, &kGoValue);
}

haft_go_found haft_go_value(haft_handle handle) {
  haft_go_found found = {HAFT_INVALID, 0};
  void *number = NULL;
  found.status = haft_value(handle, &kGoValue, &number);
  found.value = (uintptr_t)number;
  return found;
}

haft_go_found haft_go_delete(haft_handle handle) {
  haft_go_found ended = {HAFT_INVALID, 0};
  void *number = NULL;
  ended.status = haft_take(handle, &kGoValue, &number);
  if (ended.status == HAFT_PINNED)
    ended.status = haft_delete(handle, &kGoValue);
  ended.value = (uintptr_t)number;
  return ended;
}

haft_go_made haft_go_new_object(void *object, const haft_type *type) {
  haft_go_made made = {HAFT_INVALID, 0};
  made.status = haft_new(object, type, &made.handle);
  return made;
}
