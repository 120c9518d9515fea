/* An event loop for libcurl, which tells the loop about its sockets as long as
 * it has any, also when the loop is gone. */

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "example.h"
#include "haft/haft.h"

typedef struct {
  CURLM *multi;
  int epoll;
  long timeout; /* in milliseconds; -1: no timeout */
} loop;

static void destroy(void *object) {
  close(((loop *)object)->epoll);
  free(object);
}

static const haft_type kLoop = {.name = "loop", .destroy = destroy};

static int on_socket(CURL *easy, curl_socket_t socket, int what,
                     void *user_data, void *socket_data) {
  struct epoll_event event = {0, {.fd = socket}};
  void *object;
  haft_pin pin;
  (void)easy, (void)socket_data;
  if (haft_pin_object(haft_from_pointer(user_data), &kLoop, &pin, &object) !=
      HAFT_OK)
    return 0; /* the loop is gone */
  const int epoll = ((loop *)object)->epoll;
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  if (what == CURL_POLL_REMOVE)
    epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event);
  else if (epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0 &&
           errno == ENOENT)
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  haft_unpin(&pin);
  return 0;
}

static int on_timeout(CURLM *multi, long timeout, void *user_data) {
  void *object;
  haft_pin pin;
  (void)multi;
  if (haft_pin_object(haft_from_pointer(user_data), &kLoop, &pin, &object) !=
      HAFT_OK)
    return 0;
  ((loop *)object)->timeout = timeout;
  haft_unpin(&pin);
  return 0;
}

int loop_new(CURLM *multi, owner *made) {
  loop *const object = malloc(sizeof(*object));
  haft_handle handle;
  if (object == NULL) return -1;
  *object = (loop){multi, epoll_create1(EPOLL_CLOEXEC), -1};
  if (haft_new(object, &kLoop, &handle) != HAFT_OK) {
    destroy(object);
    return -1;
  }
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, haft_to_pointer(handle));
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, haft_to_pointer(handle));
  *made = handle;
  return 0;
}

int loop_step(owner waiting) {
  struct epoll_event event;
  void *object;
  haft_pin pin;
  int under_way = -1;
  if (haft_pin_object(waiting, &kLoop, &pin, &object) != HAFT_OK) return -1;
  const loop *const mine = object;
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
  haft_unpin(&pin);
  return under_way;
}

void loop_delete(owner loop) { haft_delete(loop, &kLoop); }
