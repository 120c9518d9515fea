/* A C++ library as other languages meet it: handles, statuses, a callback.
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

/* Called with the new sum by the thread that has added. The widget forgets a
 * callback that returns anything but HAFT_OK. */
typedef haft_status (*widget_callback)(void *user_data, int64_t sum);

haft_status widget_new(int64_t sum, haft_handle *widget);
haft_status widget_add(haft_handle widget, int64_t amount, int64_t *sum);

/* One callback at a time; null: none. */
haft_status widget_subscribe(haft_handle widget, widget_callback callback,
                             void *user_data);

/* widget_add by a thread of the library's own. The widget lives until that is
 * done, whoever deletes it. */
haft_status widget_add_later(haft_handle widget, int64_t amount);

/* Waits for all that widget_add_later has started. Not from a callback. */
void widget_join(void);

haft_status widget_delete(haft_handle widget);

/* For bindings that want the C++ object itself, and for tests. */
const haft_type *widget_type(void);
int64_t widget_count(void); /* widgets that exist */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* WIDGET_H_ */
