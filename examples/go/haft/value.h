/* The C part of handle.go. All casts between handles and pointers are here,
 * because a Go variable of pointer type that holds a handle can crash Go's
 * collector. */

#ifndef HAFT_GO_VALUE_H_
#define HAFT_GO_VALUE_H_

#include "haft/haft.h"

typedef struct {
  haft_status status;
  haft_handle handle;
} haft_go_made;

typedef struct {
  haft_status status;
  uintptr_t value;
} haft_go_found;

haft_go_made haft_go_new(uintptr_t number);
haft_go_found haft_go_value(haft_handle handle);

/* Ends the handle. The caller must delete the value that it returns, which
 * saves a call from C into Go. If it returns 0, the value is in use and the
 * last unpin will call haftGoDestroy. */
haft_go_found haft_go_delete(haft_handle handle);

haft_go_made haft_go_new_object(void *object, const haft_type *type);

#endif /* HAFT_GO_VALUE_H_ */
