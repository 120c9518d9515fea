/* C's side of handle.go. All casts between handles and pointers are here: a Go
 * variable of pointer type that holds a handle can crash Go's collector. */

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

/* Ends the handle. Its value is the caller's to delete, which spares a call
 * from C into Go; 0: it is in use, and the last unpin will call haftGoDestroy.
 */
haft_go_found haft_go_delete(haft_handle handle);

haft_go_made haft_go_new_object(void *object, const haft_type *type);

#endif /* HAFT_GO_VALUE_H_ */
