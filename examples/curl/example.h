/* Objects that libcurl calls: as handles in fetch.c and loop.c, as pointers in
 * raw.c. The type `owner` is a handle or a pointer accordingly. */

#ifndef HAFT_EXAMPLES_CURL_EXAMPLE_H_
#define HAFT_EXAMPLES_CURL_EXAMPLE_H_

#include <curl/curl.h>
#include <stdint.h>

typedef uintptr_t owner;

/* A download that counts its open sockets in `*sockets`. */
CURL *fetch_new(const char *url, int *sockets, owner *fetch);
/* May be called while libcurl keeps a connection of it for the next download.
 */
void fetch_delete(owner fetch);

/* Makes a loop that waits with epoll for the sockets of `multi`. */
int loop_new(CURLM *multi, owner *loop);
/* Waits until something happens and tells `multi`. Returns how many of its
 * transfers are under way, or -1. */
int loop_step(owner loop);
/* May be called while `multi` has transfers under way. */
void loop_delete(owner loop);

#endif /* HAFT_EXAMPLES_CURL_EXAMPLE_H_ */
