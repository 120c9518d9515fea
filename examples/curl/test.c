/* Runs `test close | reuse | loop | fetch`, the same for handles and for
 * pointers. */

#include <string.h>

#include "../expect.h"
#include "example.h"
#include "haft/haft.h"
#include "server.h"

static CURLM *multi;
static char url[100];
static int sockets = 0;

static size_t swallow(char *data, size_t size, size_t count, void *user_data) {
  (void)data, (void)user_data;
  return size * count;
}

static CURL *start(int *counted, owner *fetch) {
  CURL *const easy = fetch_new(url, counted, fetch);
  EXPECT(easy != NULL);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  EXPECT(curl_multi_add_handle(multi, easy) == CURLM_OK);
  return easy;
}

static void finish(CURL *easy) {
  EXPECT(curl_multi_remove_handle(multi, easy) == CURLM_OK);
  curl_easy_cleanup(easy);
}

static void perform(CURL *easy) {
  int under_way = 1, left;
  while (under_way != 0) {
    EXPECT(curl_multi_perform(multi, &under_way) == CURLM_OK);
    if (under_way != 0)
      EXPECT(curl_multi_poll(multi, NULL, 0, 10000, NULL) == CURLM_OK);
  }
  const CURLMsg *const message = curl_multi_info_read(multi, &left);
  EXPECT(message != NULL && message->easy_handle == easy);
  EXPECT(message->data.result == CURLE_OK);
}

/* The fetch is gone when curl_multi_cleanup closes its connection. */
static void close_after_cleanup(void) {
  owner fetch;
  CURL *const easy = start(&sockets, &fetch);
  perform(easy);
  EXPECT(sockets == 1);
  fetch_delete(fetch);
  finish(easy);
  EXPECT(curl_multi_cleanup(multi) == CURLM_OK);
  EXPECT(sockets == 1); /* the fetch was not told */
}

/* The connection serves another fetch, and still calls back for the first. */
static void close_after_reuse(void) {
  owner first, second;
  int opened_by_second = 0;
  CURL *easy = start(&sockets, &first);
  perform(easy);
  finish(easy);
  fetch_delete(first);
  easy = start(&opened_by_second, &second);
  perform(easy);
  finish(easy);
  EXPECT(opened_by_second == 0);
  EXPECT(curl_multi_cleanup(multi) == CURLM_OK);
  EXPECT(sockets == 1);
  fetch_delete(second);
}

/* The loop is gone when libcurl takes a socket back from it. */
static void socket_after_loop(void) {
  owner fetch, loop;
  long asked = 0;
  strcat(url, "/never");
  EXPECT(loop_new(multi, &loop) == 0);
  CURL *const easy = start(&sockets, &fetch);
  while (asked == 0) {
    EXPECT(loop_step(loop) == 1);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &asked);
  }
  server_await_request();
  loop_delete(loop);
  finish(easy);
  EXPECT(sockets == 0);
  fetch_delete(fetch);
  EXPECT(curl_multi_cleanup(multi) == CURLM_OK);
}

/* Everything ends in the right order. */
static void fetch_by_loop(void) {
  owner fetch, loop;
  int left;
  EXPECT(loop_new(multi, &loop) == 0);
  CURL *const easy = start(&sockets, &fetch);
  while (loop_step(loop) != 0) {
  }
  const CURLMsg *const message = curl_multi_info_read(multi, &left);
  EXPECT(message != NULL && message->data.result == CURLE_OK);
  EXPECT(sockets == 1);
  finish(easy);
  EXPECT(curl_multi_cleanup(multi) == CURLM_OK);
  EXPECT(sockets == 0);
  fetch_delete(fetch);
  loop_delete(loop);
}

int main(int argc, char **argv) {
  haft_stats stats;
  EXPECT(argc == 2);
  EXPECT(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
  multi = curl_multi_init();
  EXPECT(multi != NULL);
  snprintf(url, sizeof(url), "http://127.0.0.1:%d", server_start());
  if (strcmp(argv[1], "close") == 0) close_after_cleanup();
  if (strcmp(argv[1], "reuse") == 0) close_after_reuse();
  if (strcmp(argv[1], "loop") == 0) socket_after_loop();
  if (strcmp(argv[1], "fetch") == 0) fetch_by_loop();
  server_stop();
  curl_global_cleanup();
  EXPECT(haft_table_stats(NULL, &stats) == HAFT_OK);
  EXPECT(stats.live == 0 && stats.retired_objects == 0);
  return 0;
}
