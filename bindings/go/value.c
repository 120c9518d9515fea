#include "value.h"

#include <string.h>

static const haft_type kGoValue = {.name = "Go value"};

const haft_type *haft_go_type(void) { return &kGoValue; }

int haft_go_is_compatible(int loaded) {
  const int major = loaded / 10000, minor = loaded / 100 % 100;
  /* Until 1.0.0 a minor version may break the interface. */
  return major == HAFT_VERSION_MAJOR &&
         (major != 0 || minor == HAFT_VERSION_MINOR) && loaded >= HAFT_VERSION;
}

haft_status haft_go_lend(haft_loan **loan) {
  return haft_lend(NULL, &kGoValue, 0, loan);
}

haft_go_made haft_go_new(const char *file, unsigned line) {
  haft_go_made made = {HAFT_INVALID, 0};
  made.status = haft_new_at(NULL, &kGoValue, &made.handle, file, line);
  return made;
}

haft_status haft_go_value(haft_handle handle) {
  void *object;
  return haft_value(handle, &kGoValue, &object);
}

haft_go_ended haft_go_end(haft_handle handle, const char *file, unsigned line) {
  haft_go_ended ended;
  void *object;
  memset(&ended, 0, sizeof(ended));
  ended.status = haft_pin_object(handle, &kGoValue, &ended.pin, &object);
  if (ended.status == HAFT_OUT_OF_MEMORY) {
    ended.status = haft_table_delete_at(NULL, handle, &kGoValue, file, line);
  } else if (ended.status == HAFT_OK) {
    ended.status = haft_table_delete_at(NULL, handle, &kGoValue, file, line);
    if (ended.status != HAFT_OK) haft_unpin(&ended.pin);
  }
  return ended;
}

void haft_go_unpin(haft_pin pin) { haft_unpin(&pin); }

haft_go_made haft_go_new_object(void *object, const haft_type *type) {
  haft_go_made made = {HAFT_INVALID, 0};
  made.status = haft_new(object, type, &made.handle);
  return made;
}

haft_go_pinned haft_go_pin(haft_handle handle, const haft_type *type) {
  haft_go_pinned pinned;
  memset(&pinned, 0, sizeof(pinned));
  pinned.status = haft_pin_object(handle, type, &pinned.pin, &pinned.object);
  return pinned;
}
