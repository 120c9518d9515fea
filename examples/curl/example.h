/* Objects that libcurl calls: as handles in fetch.c and loop.c, as pointers in
 * raw.c. What is typed `owner` is the one or the other. */

#ifndef HAFT_EXAMPLES_CURL_EXAMPLE_H_
#define HAFT_EXAMPLES_CURL_EXAMPLE_H_

#include <curl/curl.h>
#include <stdint.h>

typedef uintptr_t owner;

/* A download that counts its open sockets in `*sockets`. */
CURL *fetch_new(const char *url, int *sockets, owner *fetch);
/* Also while libcurl keeps a connection of it for the next one. */
void fetch_delete(owner fetch);

/* Waits with epoll for what `multi` wants to be told of. */
int loop_new(CURLM *multi, owner *loop);
/* Waits until something happens, and tells `multi`: how many of its transfers
 * are under way, or -1. */
int loop_step(owner loop);
/* Also while `multi` has transfers under way. */
void loop_delete(owner loop);

#endif /* HAFT_EXAMPLES_CURL_EXAMPLE_H_ */
