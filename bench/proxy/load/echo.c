// The origin of the WebSocket scenario: sends back every short text message, at a cost that leaves the core to the load.
// Whatever is no handshake gets a small answer, so that health checks pass. Usage: echo PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 8192

struct peer {
  int fd;
  bool websocket;
  size_t have;
  char buffer[BUFFER_BYTES + 1];
};

// The load always sends the key of RFC 6455 §1.3, so this is the answer to it.
static const char SWITCH[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char PLAIN[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

static void drop(struct peer *p) {
  close(p->fd);
  free(p);
}

static void take(struct peer *p, size_t used) {
  p->have -= used;
  memmove(p->buffer, p->buffer + used, p->have);
}

static bool say(struct peer *p, const void *data, size_t length) {
  return send(p->fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/** Answers one request or message of those that are here; `more` tells whether to look again. */
static bool serve(struct peer *p, bool *more) {
  *more = false;
  if (!p->websocket) {
    p->buffer[p->have] = 0;
    char *end = strstr(p->buffer, "\r\n\r\n");
    if (end == NULL) return p->have < BUFFER_BYTES;
    end[2] = 0;
    p->websocket = strcasestr(p->buffer, "\r\nupgrade: websocket\r\n") != NULL;
    take(p, (size_t)(end + 4 - p->buffer));
    *more = true;
    return p->websocket ? say(p, SWITCH, sizeof SWITCH - 1) : say(p, PLAIN, sizeof PLAIN - 1);
  }
  if (p->have < 2) return true;
  size_t length = (unsigned char)p->buffer[1] & 0x7f;
  if ((unsigned char)p->buffer[0] != 0x81 || length > 125) return false; // A close, or nothing of ours.
  if (p->have < 6 + length) return true;
  unsigned char answer[2 + 125] = {0x81, (unsigned char)length};
  for (size_t i = 0; i < length; i++) answer[2 + i] = (unsigned char)(p->buffer[6 + i] ^ p->buffer[2 + i % 4]);
  take(p, 6 + length);
  *more = true;
  return say(p, answer, 2 + length);
}

static void readable(struct peer *p) {
  ssize_t got = recv(p->fd, p->buffer + p->have, BUFFER_BYTES - p->have, 0);
  if (got <= 0) return drop(p);
  p->have += (size_t)got;
  for (bool more = true; more;) {
    if (!serve(p, &more)) return drop(p);
  }
}

static void welcome(int epoll, int listener) {
  int on = 1;
  struct peer *p = calloc(1, sizeof *p);
  p->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (p->fd < 0) return free(p);
  setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
  epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event);
}

int main(int argc, char **argv) {
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), epoll = epoll_create1(EPOLL_CLOEXEC);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) {
    perror("echo");
    return 1;
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) welcome(epoll, listener);
      else readable(events[i].data.ptr);
    }
  }
}
