// One connection of the load: sends requests as the bytes that it is given, and sees where each answer ends.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_BYTES 8192

enum progress { MORE, ANSWERED, REFUSED, BROKEN };

struct connection {
  int fd;
  bool busy;
  /** Whether the request in flight is one of the slow ones. */
  bool slow;
  /** When the request in flight should have gone out. */
  int64_t intended_ns;
  int64_t idle_since_ns;
  /** Past its handshake, and framed as WebSocket messages from there. */
  bool websocket;
  /** Bytes of the answer so far, as long as its head (or its frame) is not complete. */
  size_t have;
  /** Of the body; -1 while the head is not complete. */
  int64_t left;
  bool refused;
  char head[HEAD_BYTES + 1];
};

struct bytes {
  char *data;
  size_t length;
};

/** Blocks until connected: everything is on this machine. */
bool connection_open(struct connection *c, int port);
void connection_close(struct connection *c);
/** False when the bytes did not fit or the peer has gone: requests are small, so neither may happen. */
bool connection_send(struct connection *c, struct bytes request);
/** Reads once. REFUSED: answered with a status other than 2xx (101 for a handshake). */
enum progress connection_read(struct connection *c);

/** A text message of a client, masked, with these many bytes; what comes back is held to them. */
struct bytes websocket_message(size_t payload);
