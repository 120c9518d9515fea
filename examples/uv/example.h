/* Objects that a libuv loop calls: as handles in timer.c and work.c, as
 * pointers in raw.c. The type `owner` is a handle or a pointer accordingly. */

#ifndef HAFT_EXAMPLES_UV_EXAMPLE_H_
#define HAFT_EXAMPLES_UV_EXAMPLE_H_

#include <stdint.h>
#include <uv.h>

typedef uintptr_t owner;

/* Calls beat(context) every millisecond until it is stopped. */
int heartbeat_start(uv_loop_t *loop, void (*beat)(void *context), void *context,
                    owner *heart);
void heartbeat_stop(owner heart);

/* Computes run(context) on a thread of the pool, then calls done(context,
 * result) on the loop's thread, unless it is cancelled. It may be cancelled
 * while it runs. */
int job_start(uv_loop_t *loop, int (*run)(void *context),
              void (*done)(void *context, int result), void *context,
              owner *job);
void job_cancel(owner job);

#endif /* HAFT_EXAMPLES_UV_EXAMPLE_H_ */
