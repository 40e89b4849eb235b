// A load that wrk does not have: at a fixed rate with latencies from the time at which a request should have gone out, with
// a share of slow requests counted apart, or of WebSocket messages. Connects, prints "ready", begins at SIGUSR1, prints JSON.
#define _GNU_SOURCE
#include "clock.h"
#include "connection.h"
#include "histogram.h"
#include "options.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/** How long answers that are late are waited for after the end. */
#define GRACE_NS SECOND_NS

static struct connection *connections;
/** Idle connections, the longest idle first. */
static int *idle, idle_first, idle_count;
static int epoll;
static uint64_t answered, failed, unanswered;
static int in_flight;
static struct histogram latency, slow_latency, own_lag;

static void rest(int index, int64_t now) {
  connections[index].idle_since_ns = now;
  idle[(idle_first + idle_count++) % options.connections] = index;
}

/** `first` sends one request before anything counts, which opens the way up to the origin too. */
static void open_one(int index, bool first) {
  struct connection *c = &connections[index];
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
  if (!connection_open(c, options.port)) die("connect");
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl");
  bool handshake = options.payload > 0;
  if (!first && !handshake) return;
  if (!connection_send(c, options.request)) die("send");
  enum progress progress = MORE;
  while (progress == MORE) {
    struct pollfd readable = {.fd = c->fd, .events = POLLIN};
    if (poll(&readable, 1, 10000) != 1) break;
    progress = connection_read(c);
  }
  if (progress != ANSWERED || c->websocket != handshake) {
    fprintf(stderr, "no good first answer: %.200s\n", c->head);
    exit(1);
  }
}

static void send_one(struct bytes message, int64_t intended, int64_t now) {
  static uint64_t random = 88172645463325252ULL;
  struct connection *c = &connections[idle[idle_first]];
  idle_first = (idle_first + 1) % options.connections;
  idle_count--;
  random ^= random << 13, random ^= random >> 7, random ^= random << 17;
  c->slow = options.slow_every > 0 && random % (uint64_t)options.slow_every == 0;
  c->intended_ns = intended;
  // Waiting for an idle connection is the proxy's doing, what comes on top of it is ours.
  histogram_add(&own_lag, now - (intended > c->idle_since_ns ? intended : c->idle_since_ns));
  in_flight++;
  connection_send(c, c->slow ? options.slow : message); // A failure shows as a connection that breaks.
}

static void receive(int index) {
  struct connection *c = &connections[index];
  bool was_busy = c->busy;
  enum progress progress = connection_read(c);
  if (progress == MORE) return;
  int64_t now = now_ns();
  if (was_busy) {
    in_flight--;
    histogram_add(c->slow ? &slow_latency : &latency, now - c->intended_ns);
    if (progress == ANSWERED) answered++;
    else failed++;
  }
  if (progress == BROKEN) {
    // One that was idle stays in its place among the idle.
    connection_close(c);
    open_one(index, false);
  }
  if (was_busy) rest(index, now);
}

/** Lets pass what happens until `until`, or until the first event. */
static void wait_until(int64_t until) {
  static struct epoll_event events[256];
  int64_t left = until - now_ns();
  if (left < 0) left = 0;
  struct timespec timeout = {left / SECOND_NS, left % SECOND_NS};
  int count = epoll_pwait2(epoll, events, 256, &timeout, NULL);
  for (int i = 0; i < count; i++) receive((int)events[i].data.u32);
}

static double run(struct bytes message) {
  int64_t start = now_ns(), end = start + (int64_t)(options.seconds * 1e9);
  double gap_ns = options.rate > 0 ? 1e9 / options.rate : 0;
  uint64_t all = options.requests > 0 ? options.requests : UINT64_MAX;
  if (gap_ns > 0) all = (uint64_t)(options.seconds * options.rate);
  uint64_t sent = 0, in_time = 0;
  for (int64_t now = start;; now = now_ns()) {
    bool over = now >= end;
    // At a fixed rate what was due before the end is still sent after it.
    bool all_sent = sent == all || (over && gap_ns == 0);
    if (!over) in_time = answered;
    if ((all_sent && in_flight == 0) || now >= end + GRACE_NS) break;
    int64_t due = now;
    while (idle_count > 0 && !all_sent && sent < all) {
      if (gap_ns > 0) due = start + (int64_t)((double)sent * gap_ns);
      if (due > now) break;
      send_one(message, due, now);
      sent++;
    }
    int64_t next = over ? end + GRACE_NS : end;
    if (gap_ns > 0 && idle_count > 0 && sent < all && due < next) next = due;
    wait_until(next);
  }
  // What was never answered waited at least until now: it must not vanish from the latencies.
  int64_t now = now_ns();
  unanswered = (uint64_t)in_flight + (gap_ns > 0 ? all - sent : 0);
  for (int i = 0; i < options.connections; i++) {
    struct connection *c = &connections[i];
    if (c->busy) histogram_add(c->slow ? &slow_latency : &latency, now - c->intended_ns);
  }
  for (; gap_ns > 0 && sent < all; sent++) histogram_add(&latency, now - start - (int64_t)((double)sent * gap_ns));
  return (double)in_time / options.seconds;
}

int main(int argc, char **argv) {
  struct rlimit files;
  sigset_t begin;
  int signal;
  options_parse(argc, argv);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  prctl(PR_SET_TIMERSLACK, 1); // The kernel would round our waits up by 50 µs.
  sigemptyset(&begin);
  sigaddset(&begin, SIGUSR1);
  sigprocmask(SIG_BLOCK, &begin, NULL);

  epoll = epoll_create1(EPOLL_CLOEXEC);
  connections = calloc((size_t)options.connections, sizeof *connections);
  idle = calloc((size_t)options.connections, sizeof *idle);
  for (int i = 0; i < options.connections; i++) open_one(i, true);
  int64_t now = now_ns();
  for (int i = 0; i < options.connections; i++) rest(i, now);
  struct bytes message = options.payload > 0 ? websocket_message((size_t)options.payload) : options.request;
  puts("ready");
  fflush(stdout);
  sigwait(&begin, &signal);

  double per_second = run(message);
  printf("{\"requests\":%lu,\"requestsPerSecond\":%.1f,\"errors\":%lu,\"p50Ms\":%.3f,\"p90Ms\":%.3f,\"p99Ms\":%.3f,"
         "\"p999Ms\":%.3f,\"slowP50Ms\":%.3f,\"lagP99Ms\":%.3f}\n",
         answered, per_second, failed + unanswered, histogram_ms(&latency, 0.5), histogram_ms(&latency, 0.9),
         histogram_ms(&latency, 0.99), histogram_ms(&latency, 0.999), histogram_ms(&slow_latency, 0.5),
         histogram_ms(&own_lag, 0.99));
  return 0;
}
