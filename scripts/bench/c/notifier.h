// Tells a router of KV that has landed: a ZeroMQ PUSH socket (ZMTP 3.0) on one connection.
#pragma once
#include "common.h"

#define NOTICES_MOST (256 * 1024)
#define RECONNECT_NS (50 * MS)

struct notifier {
  // Tells what is watched from connections: the first field of both.
  int kind;
  int port, fd;
  bool greeted, ready;
  int64_t again_at;
  struct bytes in, out;
};

static const char GREETING[64] = "\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL";
static const char READY[] = "\4\x1a\5READY\xbSocket-Type\0\0\0\4PUSH";

static void notifier_connect(struct notifier *to, int epoll) {
  to->in.size = 0;
  to->greeted = to->ready = false;
  to->fd = connect_to(to->port);
  if (to->fd < 0) {
    to->again_at = now_ns() + RECONNECT_NS;
    return;
  }
  // The handshake is said at once; what waits to be told follows it.
  watch(epoll, to->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, to);
}

static void notifier_lost(struct notifier *to) {
  if (to->fd >= 0) close(to->fd);
  to->fd = -1;
  to->ready = false;
  to->again_at = now_ns() + RECONNECT_NS;
}

static void notifier_flush(struct notifier *to) {
  if (to->fd < 0 || !to->ready || to->out.size == 0) return;
  ssize_t sent = send(to->fd, to->out.at, to->out.size, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) notifier_lost(to);
    return;
  }
  to->out.size -= (size_t)sent;
  memmove(to->out.at, to->out.at + sent, to->out.size);
}

// The router's greeting and READY are read over; its PINGs are answered.
static void notifier_read(struct notifier *to) {
  char data[4096];
  for (;;) {
    ssize_t size = recv(to->fd, data, sizeof data, 0);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return notifier_lost(to);
    if (size < 0) break;
    bytes_add(&to->in, data, (size_t)size);
    if ((size_t)size < sizeof data) break;
  }
  size_t at = 0;
  if (!to->ready) {
    if (to->in.size < 64 + 2) return;
    size_t length = (unsigned char)to->in.at[65];
    if (to->in.size < 66 + length) return;
    at = 66 + length;
    to->ready = true;
  }
  while (to->in.size - at >= 2) {
    size_t length = (unsigned char)to->in.at[at + 1];
    const char *body = to->in.at + at + 2;
    if (to->in.size - at < 2 + length) break;
    if (to->in.at[at] == 4 && length >= 7 && memcmp(body, "\4PING", 5) == 0) {
      char head[7] = {4, (char)(length - 2), 4, 'P', 'O', 'N', 'G'};
      bytes_add(&to->out, head, sizeof head);
      bytes_add(&to->out, body + 7, length - 7);
    }
    at += 2 + length;
  }
  to->in.size -= at;
  memmove(to->in.at, to->in.at + at, to->in.size);
  notifier_flush(to);
}

static void notifier_event(struct notifier *to, uint32_t events) {
  if (to->fd < 0) return;
  if (events & (EPOLLERR | EPOLLHUP)) return notifier_lost(to);
  if ((events & EPOLLOUT) && !to->greeted) {
    to->greeted = true;
    char hello[64 + sizeof READY - 1];
    memcpy(hello, GREETING, 64);
    memcpy(hello + 64, READY, sizeof READY - 1);
    if (send(to->fd, hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello) return notifier_lost(to);
  }
  if (events & (EPOLLIN | EPOLLRDHUP)) notifier_read(to);
  else notifier_flush(to);
}

// `{"type":"ProxyNotif","req_id":ID}` in msgpack, as one frame. Beyond its bound it is dropped.
static void notifier_tell(struct notifier *to, const char *id, size_t size) {
  static const char before[] = "\x82\xa4type\xaaProxyNotif\xa6req_id\xd9";
  if (size > 150 || to->out.size > NOTICES_MOST) return;
  char head[2] = {0, (char)(sizeof before - 1 + 1 + size)};
  char length = (char)size;
  bytes_add(&to->out, head, 2);
  bytes_add(&to->out, before, sizeof before - 1);
  bytes_add(&to->out, &length, 1);
  bytes_add(&to->out, id, size);
  notifier_flush(to);
}
