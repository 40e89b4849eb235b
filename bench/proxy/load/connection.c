// HTTP answers by their Content-Length, WebSocket messages by their frame: all that a load has to understand.
#define _GNU_SOURCE
#include "connection.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t echoed;

bool connection_open(struct connection *c, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  c->busy = c->websocket = c->refused = false;
  c->have = 0;
  c->left = -1;
  if (c->fd < 0) return false;
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) return false;
  return setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

void connection_close(struct connection *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
}

bool connection_send(struct connection *c, struct bytes request) {
  c->busy = true;
  return send(c->fd, request.data, request.length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)request.length;
}

/** The answer has ended: the next begins with nothing. */
static enum progress ended(struct connection *c) {
  bool refused = c->refused;
  c->busy = c->refused = false;
  c->have = 0;
  c->left = -1;
  return refused ? REFUSED : ANSWERED;
}

static enum progress message_progress(struct connection *c) {
  if (c->have < echoed + 2) return MORE;
  // A final text frame without a mask, and not one byte too many.
  if (c->have > echoed + 2 || (unsigned char)c->head[0] != 0x81 || (unsigned char)c->head[1] != echoed) return BROKEN;
  for (size_t i = 0; i < echoed; i++) {
    if (c->head[2 + i] != 'm') return BROKEN;
  }
  return ended(c);
}

static enum progress head_progress(struct connection *c) {
  c->head[c->have] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (end == NULL) return c->have < HEAD_BYTES ? MORE : BROKEN;
  if (strncmp(c->head, "HTTP/1.1 ", 9) != 0) return BROKEN;
  int status = atoi(c->head + 9);
  size_t after = c->have - (size_t)(end + 4 - c->head);
  if (status == 101) {
    c->websocket = true;
    return after == 0 ? ended(c) : BROKEN;
  }
  c->refused = status < 200 || status > 299;
  end[2] = 0;
  char *length = strcasestr(c->head, "\r\ncontent-length:");
  if (length == NULL) return BROKEN;
  c->left = atoll(length + 17) - (int64_t)after;
  if (c->left < 0) return BROKEN;
  return c->left == 0 ? ended(c) : MORE;
}

enum progress connection_read(struct connection *c) {
  static char body[1 << 18];
  bool in_body = c->left >= 0;
  char *into = in_body ? body : c->head + c->have;
  ssize_t got = recv(c->fd, into, in_body ? sizeof body : HEAD_BYTES - c->have, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return MORE;
  // Bytes that nobody asked for are as bad as an end in mid-answer.
  if (got <= 0 || !c->busy) return BROKEN;
  if (!in_body) {
    c->have += (size_t)got;
    return c->websocket ? message_progress(c) : head_progress(c);
  }
  c->left -= got;
  if (c->left < 0) return BROKEN;
  return c->left == 0 ? ended(c) : MORE;
}

struct bytes websocket_message(size_t payload) {
  struct bytes frame = {malloc(6 + payload), 6 + payload};
  const unsigned char start[] = {0x81, 0x80 | (unsigned char)payload, 0x12, 0x34, 0x56, 0x78};
  memcpy(frame.data, start, sizeof start);
  for (size_t i = 0; i < payload; i++) frame.data[6 + i] = (char)('m' ^ start[2 + i % 4]);
  echoed = payload;
  return frame;
}
