/* A web server on the loopback interface, with a thread of its own. */

#ifndef HAFT_EXAMPLES_CURL_SERVER_H_
#define HAFT_EXAMPLES_CURL_SERVER_H_

/* Starts the server. It serves one connection after the other, each until the
 * client closes it, and answers every request but those for /never.
 *   Returns   its port */
int server_start(void);
/* Waits until a request has arrived. */
void server_await_request(void);
/* Ends the thread. The client must have closed all connections. */
void server_stop(void);

#endif /* HAFT_EXAMPLES_CURL_SERVER_H_ */
