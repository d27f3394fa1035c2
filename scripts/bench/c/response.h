// Answers as a client reads them: status, end, and events as they come.
#pragma once
#include "chunks.h"

#define ANSWER_HEAD_MOST 8192

struct response {
  char head[ANSWER_HEAD_MOST];
  size_t head_size;
  int status;
  bool in_body, chunked, until_close, done, at_line_start, failed_event;
  size_t left;
  struct chunks chunks;
  // Lines that begin with "data:"; how far the line at hand matches one that tells an error, -1 for no more.
  long long events, bytes;
  int matched;
};

static void response_reset(struct response *in) {
  in->head_size = 0;
  in->status = 0;
  in->in_body = in->chunked = in->until_close = in->done = in->failed_event = false;
  in->left = 0;
  in->chunks = (struct chunks){0};
  in->events = in->bytes = 0;
  in->matched = 0;
}

// Counts events in a piece of a body, and sees one that tells an error, wherever the body is cut.
static void count_events(struct response *in, const char *data, size_t size) {
  static const char mark[] = "data: {\"error\"";
  static const int event = 5, failure = sizeof mark - 1;
  in->bytes += (long long)size;
  for (size_t at = 0; at < size;) {
    if (in->matched >= 0 && in->matched < failure) {
      if (data[at] == mark[in->matched]) {
        in->matched++;
        at++;
        if (in->matched == event) in->events++;
        if (in->matched == failure) in->failed_event = true;
        continue;
      }
      in->matched = -1;
    }
    const char *end = memchr(data + at, '\n', size - at);
    if (end == NULL) return;
    in->matched = 0;
    at = (size_t)(end - data) + 1;
  }
}

// Takes in what came; false where it is no HTTP, or comes behind the end.
static bool response_take(struct response *in, const char *data, size_t size) {
  size_t at = 0;
  if (in->done) return false;
  if (!in->in_body) {
    size_t room = sizeof in->head - 1 - in->head_size;
    size_t some = size < room ? size : room;
    memcpy(in->head + in->head_size, data, some);
    size_t from = in->head_size > 3 ? in->head_size - 3 : 0;
    char *end = memmem(in->head + from, in->head_size + some - from, "\r\n\r\n", 4);
    if (end == NULL) {
      in->head_size += some;
      return in->head_size < sizeof in->head - 1;
    }
    size_t head_size = (size_t)(end + 4 - in->head);
    at = head_size - in->head_size;
    in->head_size = head_size;
    in->head[head_size] = 0;
    if (strncmp(in->head, "HTTP/1.", 7) != 0) return false;
    in->status = atoi(in->head + 9);
    if (in->status == 100) {
      in->head_size = 0;
      in->status = 0;
      return at == size || response_take(in, data + at, size - at);
    }
    in->in_body = true;
    in->chunked = is_chunked(in->head, head_size);
    long long length = number_in(in->head, head_size, "content-length", -1);
    in->until_close = !in->chunked && length < 0;
    in->left = length < 0 ? SIZE_MAX : (size_t)length;
    if (!in->chunked && in->left == 0) in->done = true;
  }
  if (!in->chunked) {
    if (size - at > in->left) return false;
    count_events(in, data + at, size - at);
    if (!in->until_close) in->left -= size - at;
    in->done = in->left == 0;
    return true;
  }
  while (at < size && in->chunks.state != CHUNK_DONE) {
    const char *piece = NULL;
    size_t piece_size;
    size_t took = chunks_take(&in->chunks, data + at, size - at, &piece, &piece_size);
    if (took == SIZE_MAX) return false;
    if (piece_size > 0) count_events(in, piece, piece_size);
    at += took;
  }
  in->done = in->chunks.state == CHUNK_DONE;
  return at == size;
}
