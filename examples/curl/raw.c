/* The same with pointers. It has the bugs that fetch.c and loop.c do not have.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "example.h"

typedef struct {
  int *sockets;
} fetch;

static curl_socket_t open_socket(void *user_data, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)purpose;
  ++*((fetch *)user_data)->sockets;
  return socket(address->family, address->socktype, address->protocol);
}

static int close_socket(void *user_data, curl_socket_t descriptor) {
  --*((fetch *)user_data)->sockets; /* use after free */
  return close(descriptor);
}

CURL *fetch_new(const char *url, int *sockets, owner *made) {
  fetch *const object = malloc(sizeof(*object));
  CURL *const easy = curl_easy_init();
  if (object == NULL || easy == NULL) {
    free(object);
    curl_easy_cleanup(easy);
    return NULL;
  }
  object->sockets = sockets;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, object);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, object);
  *made = (owner)object;
  return easy;
}

void fetch_delete(owner deleted) { free((fetch *)deleted); }

typedef struct {
  CURLM *multi;
  int epoll;
  long timeout;
} loop;

static int on_socket(CURL *easy, curl_socket_t socket, int what,
                     void *user_data, void *socket_data) {
  struct epoll_event event = {0, {.fd = socket}};
  const int epoll = ((loop *)user_data)->epoll; /* use after free */
  (void)easy, (void)socket_data;
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  if (what == CURL_POLL_REMOVE)
    epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event);
  else if (epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0 &&
           errno == ENOENT)
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  return 0;
}

static int on_timeout(CURLM *multi, long timeout, void *user_data) {
  (void)multi;
  ((loop *)user_data)->timeout = timeout;
  return 0;
}

int loop_new(CURLM *multi, owner *made) {
  loop *const object = malloc(sizeof(*object));
  if (object == NULL) return -1;
  *object = (loop){multi, epoll_create1(EPOLL_CLOEXEC), -1};
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, object);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, object);
  *made = (owner)object;
  return 0;
}

int loop_step(owner waiting) {
  struct epoll_event event;
  const loop *const mine = (const loop *)waiting;
  int under_way = -1;
  const int events = epoll_wait(mine->epoll, &event, 1, (int)mine->timeout);
  if (events == 0)
    curl_multi_socket_action(mine->multi, CURL_SOCKET_TIMEOUT, 0, &under_way);
  if (events == 1)
    curl_multi_socket_action(
        mine->multi, event.data.fd,
        ((event.events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
            ((event.events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
            ((event.events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0),
        &under_way);
  return under_way;
}

void loop_delete(owner deleted) {
  close(((loop *)deleted)->epoll);
  free((loop *)deleted);
}
