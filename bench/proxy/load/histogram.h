// Latencies counted in buckets of at most 1/128 of their value: exact enough for any percentile, and free of memory that grows.
#pragma once
#include <stdint.h>

#define SUB_BITS 7
#define BUCKETS ((64 - SUB_BITS) << SUB_BITS)

struct histogram {
  uint64_t total;
  uint64_t counts[BUCKETS];
};

static inline void histogram_add(struct histogram *h, int64_t ns) {
  uint64_t value = ns > 0 ? (uint64_t)ns : 0;
  int shift = value >> SUB_BITS ? 63 - __builtin_clzll(value) - SUB_BITS : 0;
  // Below 2^SUB_BITS the value is its own bucket; above, the top bits after the first choose one of 2^SUB_BITS.
  h->counts[((uint64_t)shift << SUB_BITS) + (value >> shift)]++;
  h->total++;
}

/** The upper end, in milliseconds, of the bucket in which this share of the values has been seen. */
static inline double histogram_ms(const struct histogram *h, double share) {
  uint64_t wanted = (uint64_t)(share * (double)h->total + 0.5), seen = 0;
  if (wanted == 0) wanted = 1;
  for (int i = 0; i < BUCKETS; i++) {
    seen += h->counts[i];
    if (seen < wanted) continue;
    int shift = i >> (SUB_BITS + 1) ? (i >> SUB_BITS) - 1 : 0;
    return (double)((((uint64_t)i - ((uint64_t)shift << SUB_BITS)) + 1) << shift) / 1e6;
  }
  return 0;
}
