/* A web site whose application is replaced while requests run: by handles and
 * pins in site.c, by pointers in raw.c. */

#ifndef HAFT_EXAMPLES_MICROHTTPD_EXAMPLE_H_
#define HAFT_EXAMPLES_MICROHTTPD_EXAMPLE_H_

#include <stdint.h>

/* Starts to serve on a free port of this machine and returns it, or 0. Each
 * request is answered with the greeting of the application and a line feed. */
uint16_t site_open(const char *greeting);

/* Requests that begin from now on see another application. Those that have
 * begun go on with theirs. Returns 0 if there is no memory. */
int site_replace(const char *greeting);

/* Ends all requests, and the application. */
void site_close(void);

/* How many requests have begun, and how many applications there are. */
int site_begun(void);
int site_applications(void);

#endif /* HAFT_EXAMPLES_MICROHTTPD_EXAMPLE_H_ */
