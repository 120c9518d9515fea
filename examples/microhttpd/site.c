/* An application that is replaced while requests use it. Each request has a
 * pin, from the first callback of libmicrohttpd to its last one. */

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "haft/haft.h"

static atomic_int begun, applications;

typedef struct {
  char greeting[64];
} application;

static void end_application(void *object) {
  free(object);
  atomic_fetch_sub(&applications, 1);
}

static const haft_type kApplication = {.name = "application",
                                       .destroy = end_application};

static haft_handle make_application(const char *greeting) {
  application *const made = calloc(1, sizeof(*made));
  haft_handle handle;
  if (made == NULL) return 0;
  strncpy(made->greeting, greeting, sizeof(made->greeting) - 2);
  strcat(made->greeting, "\n");
  if (haft_new(made, &kApplication, &handle) != HAFT_OK) {
    free(made);
    return 0;
  }
  atomic_fetch_add(&applications, 1);
  return handle;
}

typedef struct {
  haft_pin pin;
  application *application;
} request;

/* The handle of the application that new requests get. */
static _Atomic haft_handle current;

/* Called first when a request begins. */
static request *begin_request(void) {
  request *const made = malloc(sizeof(*made));
  haft_status status;
  void *object = NULL;
  if (made == NULL) return NULL;
  do { /* again if it is replaced just now */
    status = haft_pin_object(current, &kApplication, &made->pin, &object);
  } while (status == HAFT_STALE);
  if (status != HAFT_OK) {
    free(made);
    return NULL;
  }
  made->application = object;
  return made;
}

/* Called last, also if the client has gone away. Any thread may do it. */
static void end_request(request *ended) {
  haft_unpin(&ended->pin); /* may destroy the application */
  free(ended);
}

static enum MHD_Result on_request(void *unused, struct MHD_Connection *to,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *size, void **user_data) {
  (void)unused, (void)url, (void)method, (void)version, (void)data;
  if (*user_data == NULL) { /* the headers have come */
    *user_data = begin_request();
    atomic_fetch_add(&begun, 1);
    return *user_data == NULL ? MHD_NO : MHD_YES;
  }
  if (*size != 0) { /* a part of the body has come */
    *size = 0;
    return MHD_YES;
  }
  const request *const whole = *user_data;
  char *const text = whole->application->greeting;
  struct MHD_Response *const response = MHD_create_response_from_buffer(
      strlen(text), text, MHD_RESPMEM_PERSISTENT);
  const enum MHD_Result result = MHD_queue_response(to, MHD_HTTP_OK, response);
  MHD_destroy_response(response);
  return result;
}

static void on_completed(void *unused, struct MHD_Connection *of,
                         void **user_data,
                         enum MHD_RequestTerminationCode why) {
  (void)unused, (void)of, (void)why;
  if (*user_data != NULL) end_request(*user_data);
}

static struct MHD_Daemon *server;

uint16_t site_open(const char *greeting) {
  struct sockaddr_in local = {.sin_family = AF_INET};
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  current = make_application(greeting);
  server = MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, NULL,
      MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&local,
      MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
  if (server == NULL) return 0;
  return MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
}

int site_replace(const char *greeting) {
  const haft_handle next = make_application(greeting);
  if (next == 0) return 0;
  /* The old one is destroyed by its last request, or here. */
  haft_delete(atomic_exchange(&current, next), &kApplication);
  return 1;
}

void site_close(void) {
  MHD_stop_daemon(server);
  haft_delete(atomic_exchange(&current, 0), &kApplication);
}

int site_begun(void) { return begun; }
int site_applications(void) { return applications; }
