#include "listener.h"

#include "_cgo_export.h"

/* A late call finds the handle stale and does not enter Go. If the handle is
 * deleted after that, the look-up in Go refuses it; and a listener that was
 * found stays alive while it runs, because Go's collector sees it. */
static haft_status call(void *user_data, int64_t sum) {
  const haft_handle listener = haft_from_pointer(user_data);
  const haft_status status = haft_check(listener);
  return status != HAFT_OK ? status : (haft_status)widgetGoCall(listener, sum);
}

haft_status widget_go_subscribe(haft_handle widget, haft_handle listener) {
  return widget_subscribe(widget, call, haft_to_pointer(listener));
}
