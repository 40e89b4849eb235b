// The command line of the load.
#pragma once
#include "connection.h"
#include <stdint.h>

extern struct options {
  int port, connections, slow_every, payload;
  /** At most so many, in a closed loop; 0 for as many as there is time for. */
  uint64_t requests;
  double seconds;
  /** Requests per second; 0 for a closed loop. */
  double rate;
  /** As bytes. */
  struct bytes request, slow;
} options;

void options_parse(int argc, char **argv);
/** Says which system call failed, and ends. */
_Noreturn void die(const char *what);
