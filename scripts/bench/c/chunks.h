// Bodies in chunks, read wherever the bytes are cut.
#pragma once
#include "common.h"

enum chunk_state { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_DONE };

struct chunks {
  enum chunk_state state;
  size_t left;
  bool line_empty;
};

// Takes in what it can of `data`, up to the end of one piece of content: returns the bytes used, and
// sets `piece` and `piece_size` to content among them (none: 0). SIZE_MAX where it is malformed.
static size_t chunks_take(struct chunks *in, const char *data, size_t size, const char **piece, size_t *piece_size) {
  size_t at = 0;
  *piece_size = 0;
  while (at < size && in->state != CHUNK_DONE) {
    char byte = data[at];
    switch (in->state) {
      case CHUNK_SIZE:
        at++;
        if (isxdigit((unsigned char)byte)) {
          in->left = in->left * 16 + (size_t)(isdigit((unsigned char)byte) ? byte - '0' : (byte | 32) - 'a' + 10);
        } else if (byte == ';') {
          in->state = CHUNK_EXTENSION;
        } else if (byte == '\n') {
          in->state = in->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
          in->line_empty = true;
        } else if (byte != '\r') {
          return SIZE_MAX;
        }
        break;
      case CHUNK_EXTENSION:
        at++;
        if (byte == '\n') in->state = in->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
        in->line_empty = true;
        break;
      case CHUNK_DATA: {
        size_t some = size - at < in->left ? size - at : in->left;
        *piece = data + at;
        *piece_size = some;
        in->left -= some;
        if (in->left == 0) in->state = CHUNK_DATA_END;
        return at + some;
      }
      case CHUNK_DATA_END:
        at++;
        if (byte == '\n') in->state = CHUNK_SIZE;
        break;
      case CHUNK_TRAILER:
        at++;
        if (byte == '\n' && in->line_empty) in->state = CHUNK_DONE;
        else if (byte == '\n') in->line_empty = true;
        else if (byte != '\r') in->line_empty = false;
        break;
      case CHUNK_DONE:
        break;
    }
  }
  return at;
}
