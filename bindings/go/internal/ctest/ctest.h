/* The C part of ctest.go. */

#ifndef HAFT_GO_CTEST_H_
#define HAFT_GO_CTEST_H_

#include "haft/haft.h"
#include "haft/view.h"

haft_handle haft_test_round_trip(haft_handle handle);
int haft_test_delete_in_thread(haft_handle handle);
const haft_type *haft_test_type(void);
void *haft_test_object(void);
int haft_test_destroyed(void);
int haft_test_lend_all(void);
void haft_test_return_all(void);
int haft_test_loads(void);

#endif /* HAFT_GO_CTEST_H_ */
