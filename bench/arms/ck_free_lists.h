/* Free lists of Concurrency Kit, whose headers are C and no C++. */

#ifndef HAFT_BENCH_ARMS_CK_FREE_LISTS_H_
#define HAFT_BENCH_ARMS_CK_FREE_LISTS_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A stack of the indices from 0 to capacity - 1, which is empty at first. */
typedef struct ck_free_stack ck_free_stack;
ck_free_stack *ck_free_stack_create(size_t capacity); /* null: no memory */
void ck_free_stack_destroy(ck_free_stack *stack);
void ck_free_stack_push(ck_free_stack *stack, uint32_t index);
int ck_free_stack_pop(ck_free_stack *stack, uint32_t *index); /* 0: empty */

/* The same as a ring, so that they come out in the order in which they went in.
 */
typedef struct ck_free_ring ck_free_ring;
ck_free_ring *ck_free_ring_create(size_t capacity);
void ck_free_ring_destroy(ck_free_ring *ring);
void ck_free_ring_push(ck_free_ring *ring, uint32_t index);
int ck_free_ring_pop(ck_free_ring *ring, uint32_t *index);

#ifdef __cplusplus
}
#endif

#endif /* HAFT_BENCH_ARMS_CK_FREE_LISTS_H_ */
