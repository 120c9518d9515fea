/* A web server on a thread of its own and the loopback interface. */

#ifndef HAFT_EXAMPLES_CURL_SERVER_H_
#define HAFT_EXAMPLES_CURL_SERVER_H_

/* Serves one connection after the other, each until the client closes it.
 * Answers what is asked for, but for /never.
 *   Returns   its port */
int server_start(void);
/* Waits until something has been asked for. */
void server_await_request(void);
/* When the client has closed all: ends the thread. */
void server_stop(void);

#endif /* HAFT_EXAMPLES_CURL_SERVER_H_ */
