#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../expect.h"

static int listener;
static pthread_t server;
static sem_t requests;

static void serve(int connection) {
  static const char answer[] =
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
  char request[2000] = "";
  size_t length = 0;
  ssize_t got;
  while ((got = recv(connection, request + length, sizeof(request) - 1 - length,
                     0)) > 0) {
    length += (size_t)got;
    request[length] = '\0';
    if (strstr(request, "\r\n\r\n") == NULL) continue;
    if (strncmp(request, "GET /never ", 11) != 0)
      EXPECT(send(connection, answer, sizeof(answer) - 1, MSG_NOSIGNAL) ==
             sizeof(answer) - 1);
    length = 0;
    EXPECT(sem_post(&requests) == 0);
  }
}

static void *serve_all(void *unused) {
  int connection;
  while ((connection = accept(listener, NULL, NULL)) >= 0) {
    serve(connection);
    close(connection);
  }
  return unused;
}

int server_start(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT(listener >= 0);
  EXPECT(bind(listener, (struct sockaddr *)&address, size) == 0);
  EXPECT(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
  EXPECT(listen(listener, 8) == 0);
  EXPECT(sem_init(&requests, 0, 0) == 0);
  EXPECT(pthread_create(&server, NULL, serve_all, NULL) == 0);
  return ntohs(address.sin_port);
}

void server_await_request(void) {
  while (sem_wait(&requests) != 0) {
  }
}

void server_stop(void) {
  EXPECT(shutdown(listener, SHUT_RDWR) == 0);
  EXPECT(pthread_join(server, NULL) == 0);
  close(listener);
  sem_destroy(&requests);
}
