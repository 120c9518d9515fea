/* A clock that closes itself, and whose source has a destroy notification,
 * which GLib calls when it removes the source. Each ends the same handle, and
 * the one that comes second is refused. */

#include "example.h"
#include "haft/haft.h"

typedef struct {
  int most;
  int *ticks;
} timer;

static const haft_type kClock = {.name = "clock", .destroy = g_free};

static gboolean on_tick(gpointer user_data) {
  void *object;
  HAFT_SCOPED_PIN(pin);
  if (haft_pin_object(haft_from_pointer(user_data), &kClock, &pin, &object) !=
      HAFT_OK)
    return G_SOURCE_REMOVE; /* it was closed */
  const timer *const clock = object;
  ++*clock->ticks;
  if (*clock->ticks == clock->most) clock_close(user_data);
  return *clock->ticks < clock->most; /* still there, because pinned */
}

void clock_close(gpointer clock) {
  haft_delete(haft_from_pointer(clock), &kClock);
}

gpointer clock_start(int most, int *ticks) {
  timer *const clock = g_new(timer, 1);
  haft_handle handle;
  *clock = (timer){most, ticks};
  if (haft_new(clock, &kClock, &handle) != HAFT_OK) {
    g_free(clock);
    return NULL;
  }
  g_timeout_add_full(G_PRIORITY_DEFAULT, 1, on_tick, haft_to_pointer(handle),
                     clock_close);
  return haft_to_pointer(handle);
}
