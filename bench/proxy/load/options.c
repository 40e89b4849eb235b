// Numbers, and the files in which requests stand as bytes.
#include "options.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUEST_BYTES (1 << 16)

struct options options = {.connections = 64, .seconds = 1};

_Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

static struct bytes read_file(const char *name) {
  FILE *file = fopen(name, "rb");
  struct bytes content = {malloc(REQUEST_BYTES), 0};
  if (file == NULL) die(name);
  content.length = fread(content.data, 1, REQUEST_BYTES, file);
  fclose(file);
  return content;
}

void options_parse(int argc, char **argv) {
  static const struct option known[] = {
      {"port", 1, 0, 'p'}, {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"requests", 1, 0, 'n'},
      {"rate", 1, 0, 'r'}, {"request", 1, 0, 'q'},     {"slow", 1, 0, 'l'},    {"slow-every", 1, 0, 'e'},
      {"payload", 1, 0, 'w'}, {0}};
  for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (o == 'p') options.port = atoi(optarg);
    else if (o == 'c') options.connections = atoi(optarg);
    else if (o == 's') options.seconds = atof(optarg);
    else if (o == 'n') options.requests = strtoull(optarg, NULL, 10);
    else if (o == 'r') options.rate = atof(optarg);
    else if (o == 'q') options.request = read_file(optarg);
    else if (o == 'l') options.slow = read_file(optarg);
    else if (o == 'e') options.slow_every = atoi(optarg);
    else if (o == 'w') options.payload = atoi(optarg);
    else exit(2);
  }
}
