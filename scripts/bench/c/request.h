// Requests as an engine reads them: the head whole, of the body both ends.
#pragma once
#include "chunks.h"

#define HEAD_MOST 16384
// What decides stands near an end of a body, whoever wrote it.
#define EDGE 4096

struct request {
  char head[HEAD_MOST];
  size_t head_size, body_size, body_left, edge_size;
  bool in_body, chunked;
  struct chunks chunks;
  // The body, or its first and last EDGE bytes.
  char edges[2 * EDGE];
};

static void request_reset(struct request *in) {
  in->head_size = in->body_size = in->body_left = in->edge_size = 0;
  in->in_body = in->chunked = false;
  in->chunks = (struct chunks){0};
}

static void request_keep(struct request *in, const char *data, size_t size) {
  in->body_size += size;
  size_t room = sizeof in->edges - in->edge_size;
  size_t some = size < room ? size : room;
  memcpy(in->edges + in->edge_size, data, some);
  in->edge_size += some;
  data += some;
  size -= some;
  if (size == 0) return;
  char *tail = in->edges + EDGE;
  if (size >= EDGE) {
    memcpy(tail, data + size - EDGE, EDGE);
  } else {
    memmove(tail, tail + size, EDGE - size);
    memcpy(tail + EDGE - size, data, size);
  }
}

enum taken { TAKEN_MORE, TAKEN_WHOLE, TAKEN_WRONG };

// Takes in `data` of one request; sets `used` to the bytes that were its own.
static enum taken request_take(struct request *in, const char *data, size_t size, size_t *used) {
  size_t at = 0;
  if (!in->in_body) {
    size_t room = sizeof in->head - 1 - in->head_size;
    size_t some = size < room ? size : room;
    memcpy(in->head + in->head_size, data, some);
    size_t from = in->head_size > 3 ? in->head_size - 3 : 0;
    char *end = memmem(in->head + from, in->head_size + some - from, "\r\n\r\n", 4);
    if (end == NULL) {
      in->head_size += some;
      *used = some;
      return in->head_size == sizeof in->head - 1 ? TAKEN_WRONG : TAKEN_MORE;
    }
    size_t head_size = (size_t)(end + 4 - in->head);
    at = head_size - in->head_size;
    in->head_size = head_size;
    in->head[head_size] = 0;
    in->in_body = true;
    in->chunked = is_chunked(in->head, head_size);
    in->body_left = (size_t)number_in(in->head, head_size, "content-length", 0);
  }
  if (!in->chunked) {
    size_t some = size - at < in->body_left ? size - at : in->body_left;
    request_keep(in, data + at, some);
    in->body_left -= some;
    *used = at + some;
    return in->body_left == 0 ? TAKEN_WHOLE : TAKEN_MORE;
  }
  while (at < size && in->chunks.state != CHUNK_DONE) {
    const char *piece = NULL;
    size_t piece_size;
    size_t took = chunks_take(&in->chunks, data + at, size - at, &piece, &piece_size);
    if (took == SIZE_MAX) return TAKEN_WRONG;
    request_keep(in, piece, piece_size);
    at += took;
  }
  *used = at;
  return in->chunks.state == CHUNK_DONE ? TAKEN_WHOLE : TAKEN_MORE;
}

// Where `text` stands near an end of the body; NULL where it does not.
static const char *body_has(const struct request *in, const char *text) {
  return memmem(in->edges, in->edge_size, text, strlen(text));
}

// The digits behind `key` near an end of the body, blanks aside; `otherwise` without any.
static long long body_number(const struct request *in, const char *key, long long otherwise) {
  const char *at = body_has(in, key);
  const char *end = in->edges + in->edge_size;
  if (at == NULL) return otherwise;
  for (at += strlen(key); at < end && (*at == ' ' || *at == ':'); at++) continue;
  return at < end && isdigit((unsigned char)*at) ? atoll(at) : otherwise;
}

// Whether `key` is `true` near an end of the body.
static bool body_true(const struct request *in, const char *key) {
  const char *at = body_has(in, key);
  const char *end = in->edges + in->edge_size;
  if (at == NULL) return false;
  for (at += strlen(key); at < end && (*at == ' ' || *at == ':'); at++) continue;
  return end - at >= 4 && memcmp(at, "true", 4) == 0;
}

// Tokens of the prompt: what it says of itself ("[64 tokens]"), or guessed by its size.
static long long prompt_tokens(const struct request *in) {
  const char *at = body_has(in, " tokens]");
  if (at != NULL) {
    while (at > in->edges && isdigit((unsigned char)at[-1])) at--;
    if (isdigit((unsigned char)*at)) return atoll(at);
  }
  return (long long)in->body_size / 6 + 1;
}
