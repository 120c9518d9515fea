/* A download whose sockets outlive it in libcurl's connection cache. Their
 * callbacks come after curl_easy_cleanup, from another transfer or from
 * curl_multi_cleanup. */

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "example.h"
#include "haft/haft.h"

typedef struct {
  int *sockets;
} fetch;

static const haft_type kFetch = {.name = "fetch", .destroy = free};

/* Adds to the count, unless the fetch is gone. */
static void count(void *user_data, int sockets) {
  void *object;
  haft_pin pin;
  if (haft_pin_object(haft_from_pointer(user_data), &kFetch, &pin, &object) !=
      HAFT_OK)
    return;
  *((fetch *)object)->sockets += sockets;
  haft_unpin(&pin);
}

static curl_socket_t open_socket(void *user_data, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)purpose;
  count(user_data, 1);
  return socket(address->family, address->socktype, address->protocol);
}

static int close_socket(void *user_data, curl_socket_t descriptor) {
  count(user_data, -1);
  return close(descriptor); /* whichever fetch it was for */
}

CURL *fetch_new(const char *url, int *sockets, owner *made) {
  fetch *const object = malloc(sizeof(*object));
  CURL *const easy = curl_easy_init();
  haft_handle handle;
  if (object == NULL || easy == NULL) goto failed;
  object->sockets = sockets;
  if (haft_new(object, &kFetch, &handle) != HAFT_OK) goto failed;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, haft_to_pointer(handle));
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, haft_to_pointer(handle));
  *made = handle;
  return easy;
failed:
  free(object);
  curl_easy_cleanup(easy);
  return NULL;
}

void fetch_delete(owner fetch) { haft_delete(fetch, &kFetch); }
