// Times that are kept, and told as percentiles.
#pragma once
#include "common.h"

// Milliseconds.
struct samples {
  float *at;
  size_t count, room;
};

static void sample(struct samples *to, int64_t ns) {
  if (to->count == to->room) {
    to->room = to->room ? to->room * 2 : 1024;
    to->at = realloc(to->at, to->room * sizeof *to->at);
    if (to->at == NULL) die("Cannot get memory for %zu samples", to->room);
  }
  to->at[to->count++] = (float)((double)ns / 1e6);
}

static int ascending(const void *left, const void *right) {
  float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

static double share_of(const struct samples *sorted, double share) {
  size_t at = (size_t)((double)sorted->count * share);
  return sorted->at[at < sorted->count ? at : sorted->count - 1];
}

// `"name":{"count":..,"p50":..,"p90":..,"p99":..,"max":..,"mean":..}`; null without any. Sorts.
static void tell_samples(const char *name, struct samples *of) {
  if (of->count == 0) {
    printf("\"%s\":null,", name);
    return;
  }
  double sum = 0;
  for (size_t index = 0; index < of->count; index++) sum += of->at[index];
  qsort(of->at, of->count, sizeof *of->at, ascending);
  printf("\"%s\":{\"count\":%zu,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"max\":%.4f,\"mean\":%.4f},", name, of->count,
         share_of(of, 0.5), share_of(of, 0.9), share_of(of, 0.99), of->at[of->count - 1], sum / (double)of->count);
}

// `"name":[..]` in the order they came.
static void tell_each(const char *name, const struct samples *of) {
  printf("\"%s\":[", name);
  for (size_t index = 0; index < of->count; index++) printf(index ? ",%.3f" : "%.3f", of->at[index]);
  printf("],");
}
