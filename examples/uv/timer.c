/* A timer that any thread may stop at any time. */

#include <stdlib.h>

#include "example.h"
#include "haft/haft.h"

typedef struct {
  uv_timer_t timer;
  haft_pin loops; /* libuv uses `timer` until its close callback */
  void (*beat)(void *context);
  void *context;
} heartbeat;

static const haft_type kHeartbeat = {.name = "heartbeat", .destroy = free};

static void on_close(uv_handle_t *timer) {
  heartbeat *const heart = (heartbeat *)timer;
  haft_unpin(&heart->loops); /* the last pin, so this destroys it */
}

/* May be called once after heartbeat_stop; the handle is then stale. */
static void on_timer(uv_timer_t *timer) {
  void *object;
  if (haft_value(haft_from_pointer(timer->data), &kHeartbeat, &object) !=
      HAFT_OK) {
    uv_close((uv_handle_t *)timer, on_close);
    return;
  }
  const heartbeat *const heart = object; /* kept alive by the loop's pin */
  heart->beat(heart->context);
}

int heartbeat_start(uv_loop_t *loop, void (*beat)(void *context), void *context,
                    owner *heart) {
  heartbeat *const made = malloc(sizeof(*made));
  haft_handle handle;
  haft_pin pin;
  void *object;
  if (made == NULL) return UV_ENOMEM;
  made->beat = beat;
  made->context = context;
  if (haft_new(made, &kHeartbeat, &handle) != HAFT_OK) {
    free(made);
    return UV_ENOMEM;
  }
  if (haft_pin_object(handle, &kHeartbeat, &pin, &object) != HAFT_OK) {
    haft_delete(handle, &kHeartbeat);
    return UV_ENOMEM;
  }
  made->loops = pin;
  uv_timer_init(loop, &made->timer);
  made->timer.data = haft_to_pointer(handle);
  *heart = handle;
  return uv_timer_start(&made->timer, on_timer, 1, 1);
}

/* Only the loop's thread may call uv_close; any thread may call this. */
void heartbeat_stop(owner heart) { haft_delete(heart, &kHeartbeat); }
