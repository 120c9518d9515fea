#include "listener.h"

#include "_cgo_export.h"

/* A late call finds the handle stale and does not enter Go. A call that is
 * under way keeps the listener alive even if it is deleted. The type need not
 * be checked, because Subscribe has checked it and no handle changes its type.
 */
static haft_status call(void *user_data, int64_t sum) {
  haft_pin pin;
  void *number = NULL;
  const haft_status status =
      haft_pin_object(haft_from_pointer(user_data), NULL, &pin, &number);
  if (status != HAFT_OK) return status;
  widgetGoCall((uintptr_t)number, sum);
  haft_unpin(&pin);
  return HAFT_OK;
}

haft_status widget_go_subscribe(haft_handle widget, haft_handle listener) {
  return widget_subscribe(widget, call, haft_to_pointer(listener));
}
