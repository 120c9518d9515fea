/* A borrower in plain C11: the steps that view.h describes, written from its
 * comments alone and with the atomics of the language, as a binding of another
 * language would. It shares no code with the inline functions of view.h. */

#ifndef TESTS_SUPPORT_BORROWER_H_
#define TESTS_SUPPORT_BORROWER_H_

#include "haft/haft.h"
#include "haft/view.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Looks `handle` up. */
haft_status borrower_value(const haft_view *view, haft_handle handle,
                           const haft_type *type, void **object);

/* Makes a handle, without a settlement: if the loan has no ready handle, by the
 * call. */
haft_status borrower_new(const haft_view *view, haft_loan *loan, void *object,
                         haft_handle *handle);

/* Ends `handle`. If this has put it into the loan, *lent is set to 1, otherwise
 * to 0. Leaves the last step, haft_settle if `ended` is full, to the caller. */
haft_status borrower_delete(const haft_view *view, haft_loan *loan,
                            haft_handle handle, const haft_type *type,
                            int *lent);

#ifdef __cplusplus
}
#endif

#endif /* TESTS_SUPPORT_BORROWER_H_ */
