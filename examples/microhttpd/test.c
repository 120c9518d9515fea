/* Replaces the application in the middle of a request. The same for handles and
 * for pointers. */

#include <arpa/inet.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../expect.h"
#include "example.h"

static uint16_t port;

static void tell(int to, const char *text) {
  const size_t size = strlen(text);
  EXPECT(write(to, text, size) == (ssize_t)size);
}

/* Begins a request with a body of two letters, of which it sends the first. */
static int begin(void) {
  const struct sockaddr_in site = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr = {htonl(INADDR_LOOPBACK)},
  };
  const int earlier = site_begun();
  const int to = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT(connect(to, (const struct sockaddr *)&site, sizeof(site)) == 0);
  tell(to,
       "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
       "Content-Length: 2\r\n\r\na");
  while (site_begun() == earlier) sched_yield();
  return to;
}

/* Sends the rest, and expects an answer. */
static void expect_answer(int to, const char *greeting) {
  char answer[1000];
  size_t size = 0;
  ssize_t more;
  tell(to, "b");
  while ((more = read(to, answer + size, sizeof(answer) - 1 - size)) > 0)
    size += (size_t)more;
  answer[size] = '\0';
  EXPECT(strstr(answer, "200 OK") != NULL);
  EXPECT(strstr(answer, greeting) != NULL);
  close(to);
}

int main(void) {
  port = site_open("one");
  EXPECT(port != 0);
  expect_answer(begin(), "\r\n\r\none\n");

  const int first = begin();
  const int second = begin();
  EXPECT(site_replace("two"));
  expect_answer(first, "\r\n\r\none\n");
  expect_answer(begin(), "\r\n\r\ntwo\n");
  /* The first application lasts until its last request has ended. */
  EXPECT(site_applications() == 2);
  close(second);
  while (site_applications() == 2) sched_yield();

  /* One without requests ends at once; and a request may be under way at the
   * end. */
  EXPECT(site_replace("three"));
  EXPECT(site_applications() == 1);
  const int last = begin();
  site_close();
  EXPECT(site_applications() == 0);
  close(last);
  return 0;
}
