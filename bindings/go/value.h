/* The C part of package haft. All casts between handles and pointers are here,
 * because a Go variable of pointer type that holds a handle can crash Go's
 * collector. */

#ifndef HAFT_GO_VALUE_H_
#define HAFT_GO_VALUE_H_

#include "haft/haft.h"
#include "haft/view.h"

typedef struct {
  haft_status status;
  haft_handle handle;
} haft_go_made;

typedef struct {
  haft_status status;
  haft_pin pin; /* if the status is HAFT_OK; may be zero */
} haft_go_ended;

typedef struct {
  haft_status status;
  haft_pin pin;
  void *object;
} haft_go_pinned;

/* The type of the handles of Go values. It belongs to this copy of the package
 * only: it has no identity. The objects are null, because the values are in
 * Go's memory. */
const haft_type *haft_go_type(void);

/* Whether the library that is loaded has what the headers of this build say. */
int haft_go_is_compatible(int loaded);

haft_status haft_go_lend(haft_loan **loan);
/* `file` and `line` are what diagnostics record; `file` may be null. */
haft_go_made haft_go_new(const char *file, unsigned line);
haft_status haft_go_value(haft_handle handle);

/* Deletes the handle and keeps its slot until haft_go_unpin, so that nobody
 * writes to the slot's Go side meanwhile. If there is no room for a pin, it
 * only deletes, and gives a zero pin. */
haft_go_ended haft_go_end(haft_handle handle, const char *file, unsigned line);
void haft_go_unpin(haft_pin pin);

haft_go_made haft_go_new_object(void *object, const haft_type *type);
haft_go_pinned haft_go_pin(haft_handle handle, const haft_type *type);

#endif /* HAFT_GO_VALUE_H_ */
