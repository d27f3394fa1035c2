// What engine and client share: time, sockets, buffers, options. Each is one translation unit.
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL
#define SECOND 1000000000LL
#define EVENTS_AT_ONCE 512

// Ends the process: what cannot happen on a sound machine, or a wrong argument.
__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(2);
}

// Nanoseconds on the monotonic clock.
static int64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * SECOND + at.tv_nsec;
}

// As many descriptors as the machine lets this process have.
static void want_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static void no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

// A connection to `port` that is under way or made; -1 where none can be begun.
static int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  no_delay(fd);
  struct sockaddr_in at = loopback(port);
  if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0 && errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  return fd;
}

static void watch(int epoll, int fd, uint32_t events, void *whose) {
  struct epoll_event event = {.events = events, .data.ptr = whose};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("Cannot watch a socket: %s", strerror(errno));
}

// Waits until something happens or `until` (on the clock of now_ns; < 0: for ever) has come.
static int wait_events(int epoll, struct epoll_event *events, int64_t until) {
  if (until < 0) return epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);
  int64_t left = until - now_ns();
  if (left < 0) left = 0;
#if __GLIBC_PREREQ(2, 35)
  static bool fine = true;
  if (fine) {
    struct timespec wait = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
    int count = epoll_pwait2(epoll, events, EVENTS_AT_ONCE, &wait, NULL);
    if (count >= 0 || errno != ENOSYS) return count;
    fine = false;
  }
#endif
  return epoll_wait(epoll, events, EVENTS_AT_ONCE, (int)((left + MS - 1) / MS));
}

// Bytes that grow.
struct bytes {
  char *at;
  size_t size, room;
};

static void bytes_room(struct bytes *into, size_t more) {
  if (into->size + more <= into->room) return;
  size_t room = into->room ? into->room : 256;
  while (room < into->size + more) room *= 2;
  into->at = realloc(into->at, room);
  if (into->at == NULL) die("Cannot get %zu bytes", room);
  into->room = room;
}

static void bytes_add(struct bytes *into, const void *from, size_t size) {
  bytes_room(into, size);
  memcpy(into->at + into->size, from, size);
  into->size += size;
}

__attribute__((format(printf, 2, 3))) static void bytes_print(struct bytes *into, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int size = vsnprintf(NULL, 0, format, args);
  va_end(args);
  bytes_room(into, (size_t)size + 1);
  va_start(args, format);
  vsnprintf(into->at + into->size, (size_t)size + 1, format, args);
  va_end(args);
  into->size += (size_t)size;
}

// The value of field `name` (in lower case) in a head; NULL without one.
static const char *field_in(const char *head, size_t size, const char *name) {
  size_t length = strlen(name);
  const char *end = head + size;
  for (const char *line = memchr(head, '\n', size); line != NULL && ++line < end;
       line = memchr(line, '\n', (size_t)(end - line))) {
    if ((size_t)(end - line) <= length || line[length] != ':') continue;
    if (strncasecmp(line, name, length) != 0) continue;
    const char *value = line + length + 1;
    while (value < end && *value == ' ') value++;
    return value;
  }
  return NULL;
}

// The number that field `name` has; `otherwise` without one.
static long long number_in(const char *head, size_t size, const char *name, long long otherwise) {
  const char *value = field_in(head, size, name);
  return value == NULL ? otherwise : atoll(value);
}

static bool is_chunked(const char *head, size_t size) {
  const char *value = field_in(head, size, "transfer-encoding");
  return value != NULL && strncasecmp(value, "chunked", 7) == 0;
}
