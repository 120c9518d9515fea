/* The same with a pointer for each request. It has the bug that site.c does not
 * have. */

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"

static atomic_int begun, applications;

typedef struct {
  char greeting[64];
} application;

static application *make_application(const char *greeting) {
  application *const made = calloc(1, sizeof(*made));
  if (made == NULL) return NULL;
  strncpy(made->greeting, greeting, sizeof(made->greeting) - 2);
  strcat(made->greeting, "\n");
  atomic_fetch_add(&applications, 1);
  return made;
}

static _Atomic(application *) current;

static enum MHD_Result on_request(void *unused, struct MHD_Connection *to,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *size, void **user_data) {
  (void)unused, (void)url, (void)method, (void)version, (void)data;
  if (*user_data == NULL) {
    *user_data = current;
    atomic_fetch_add(&begun, 1);
    return MHD_YES;
  }
  if (*size != 0) {
    *size = 0;
    return MHD_YES;
  }
  char *const text = ((application *)*user_data)->greeting;
  struct MHD_Response *const response = MHD_create_response_from_buffer(
      strlen(text), text, MHD_RESPMEM_PERSISTENT); /* use after free */
  const enum MHD_Result result = MHD_queue_response(to, MHD_HTTP_OK, response);
  MHD_destroy_response(response);
  return result;
}

static struct MHD_Daemon *server;

uint16_t site_open(const char *greeting) {
  struct sockaddr_in local = {.sin_family = AF_INET};
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  current = make_application(greeting);
  server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
                            on_request, NULL, MHD_OPTION_SOCK_ADDR,
                            (struct sockaddr *)&local, MHD_OPTION_END);
  if (server == NULL) return 0;
  return MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void end_application(application *ended) {
  free(ended);
  atomic_fetch_sub(&applications, 1);
}

int site_replace(const char *greeting) {
  application *const next = make_application(greeting);
  if (next == NULL) return 0;
  end_application(atomic_exchange(&current, next));
  return 1;
}

void site_close(void) {
  MHD_stop_daemon(server);
  end_application(atomic_exchange(&current, NULL));
}

int site_begun(void) { return begun; }
int site_applications(void) { return applications; }
