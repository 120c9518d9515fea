/* The same with pointers. It has the bugs that timer.c and work.c do not have.
 */

#include <stdlib.h>

#include "example.h"

typedef struct {
  uv_timer_t *timer;
  int is_open;
  void (*beat)(void *context);
  void *context;
} heartbeat;

static void on_close(uv_handle_t *timer) {
  heartbeat *const heart = timer->data;
  heart->is_open = 0; /* use after free */
  free(timer);
}

static void on_timer(uv_timer_t *timer) {
  const heartbeat *const heart = timer->data;
  heart->beat(heart->context);
}

int heartbeat_start(uv_loop_t *loop, void (*beat)(void *context), void *context,
                    owner *heart) {
  heartbeat *const made = malloc(sizeof(*made));
  if (made == NULL) return UV_ENOMEM;
  *made = (heartbeat){malloc(sizeof(*made->timer)), 1, beat, context};
  if (made->timer == NULL) {
    free(made);
    return UV_ENOMEM;
  }
  uv_timer_init(loop, made->timer);
  made->timer->data = made;
  *heart = (owner)made;
  return uv_timer_start(made->timer, on_timer, 1, 1);
}

void heartbeat_stop(owner heart) {
  heartbeat *const stopped = (heartbeat *)heart;
  uv_close((uv_handle_t *)stopped->timer, on_close);
  free(stopped);
}

typedef struct {
  int (*run)(void *context);
  void (*done)(void *context, int result);
  void *context;
  int result;
} job;

static void on_work(uv_work_t *request) {
  job *const mine = request->data;
  const int result = mine->run(mine->context);
  mine->result = result; /* use after free */
}

static void on_done(uv_work_t *request, int status) {
  job *const mine = request->data;
  if (status == 0) mine->done(mine->context, mine->result);
  free(mine);
  free(request);
}

int job_start(uv_loop_t *loop, int (*run)(void *context),
              void (*done)(void *context, int result), void *context,
              owner *started) {
  job *const made = malloc(sizeof(*made));
  uv_work_t *const request = malloc(sizeof(*request));
  if (made == NULL || request == NULL) {
    free(made);
    free(request);
    return UV_ENOMEM;
  }
  *made = (job){run, done, context, 0};
  request->data = made;
  *started = (owner)made;
  return uv_queue_work(loop, request, on_work, on_done);
}

void job_cancel(owner cancelled) { free((job *)cancelled); }
