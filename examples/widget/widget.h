/* The C header of a C++ library: handles, statuses, a callback.
 *
 * Every function may be called by any thread. A bad handle is refused with the
 * status of haft.h that says why. */

#ifndef WIDGET_H_
#define WIDGET_H_

#include <stdint.h>

#include "haft/haft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Called with the new sum by the thread that has added. If it does not return
 * HAFT_OK, the widget forgets it. */
typedef haft_status (*widget_callback)(void *user_data, int64_t sum);

haft_status widget_new(int64_t sum, haft_handle *widget);
haft_status widget_add(haft_handle widget, int64_t amount, int64_t *sum);

/* Replaces the callback; null means none. */
haft_status widget_subscribe(haft_handle widget, widget_callback callback,
                             void *user_data);

/* Calls widget_add on a thread of the library's own. The widget lives until
 * then, even if it is deleted. */
haft_status widget_add_later(haft_handle widget, int64_t amount);

/* Waits for everything that widget_add_later has started. A callback must not
 * call it. */
void widget_join(void);

haft_status widget_delete(haft_handle widget);

/* For bindings that need the C++ object itself, and for tests. */
const haft_type *widget_type(void);
int64_t widget_count(void); /* how many widgets exist */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* WIDGET_H_ */
