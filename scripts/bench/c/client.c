// A load of requests on keep-alive connections, one thread on epoll; what was seen is told as JSON.
//
//   client --port PORT [options]
//
//   --connections N   (1)   each has one request under way
//   --seconds S       (2)   begin requests for so long, or
//   --requests N            begin so many in all; --once: each connection one
//   --rate R                begin R a second, by a seeded Poisson process; waiting counts as latency
//   --spread-ms MS    (0)   connections begin one after the other within that time
//   --stream --tokens T     streams of T tokens (16); each must have at least T events
//   --usage                 with stream_options.include_usage
//   --completions           POST /v1/completions; --ids: its prompt is a list of ids
//   --body-bytes B    (1024)  bytes of the body; --prompt-tokens K (64) is what its prompt says it has
//   --model NAME (bench)  --itl-us US  --event-bytes B   fields for the engine (see engine.c)
//   --header "name: value"  one more field in place of x-stainless-lang
//   --limit S         (60)  gives up after so long
//   --each                  tells each latency, in order
//
// Latencies are those of requests, `first` of first events, `gap` between events of one stream (0 for
// those that came together); milliseconds. Exit code 0, whatever failed: failures are told too.
#include "response.h"
#include "samples.h"

struct options {
  int port, connections;
  long long requests, tokens, prompt_tokens, itl_us, event_bytes;
  size_t body_bytes;
  double seconds, rate, spread_ms, limit;
  bool once, stream, usage, completions, ids, each;
  const char *model, *header;
};

static struct options options = {.connections = 1,
                                 .requests = -1,
                                 .tokens = 16,
                                 .prompt_tokens = 64,
                                 .itl_us = -1,
                                 .event_bytes = -1,
                                 .body_bytes = 1024,
                                 .seconds = 2,
                                 .limit = 60,
                                 .model = "bench"};

struct client {
  int fd;
  bool connected, busy, over;
  size_t sent;
  int64_t begins_at, asked_at, last_at;
  struct response answer;
};

static struct bytes request;
static int epoll;
static struct client *clients;
static int64_t started_at, ends_at, next_arrival;
static uint64_t chance = 0x9e3779b97f4a7c15ULL;
static struct samples latencies, firsts, gaps, each;
static long long begun, answered, failed, events, body_bytes, waiting;
static int64_t *arrivals;
static size_t arrivals_room, arrivals_first;
static char failure[256];

static void make_body(struct bytes *to) {
  struct bytes after = {0};
  bytes_print(&after, "\"model\":\"%s\",\"max_tokens\":%lld,\"temperature\":0%s%s}", options.model, options.tokens,
              options.stream ? ",\"stream\":true" : "",
              options.usage ? ",\"stream_options\":{\"include_usage\":true}" : "");
  if (options.ids) {
    bytes_print(to, "{\"prompt\":[");
    for (long long id = 0; id < options.prompt_tokens; id++) bytes_print(to, id ? ",%d" : "%d", (int)(10000 + id % 90000));
    bytes_print(to, "],");
  } else {
    bytes_print(to, options.completions ? "{\"prompt\":\"" : "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    bytes_print(to, "[%lld tokens]", options.prompt_tokens);
    const char *end = options.completions ? "\"," : "\"}],";
    while (to->size + strlen(end) + after.size + 5 <= options.body_bytes) bytes_add(to, " word", 5);
    while (to->size + strlen(end) + after.size < options.body_bytes) bytes_add(to, "s", 1);
    bytes_add(to, end, strlen(end));
  }
  bytes_add(to, after.at, after.size);
  free(after.at);
}

// Eight fields, as clients of OpenAI's API send them.
static void make_request(void) {
  struct bytes body = {0};
  make_body(&body);
  bytes_print(&request,
              "POST /v1/%scompletions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept: application/json\r\n"
              "accept-encoding: gzip, deflate\r\nuser-agent: bench/1.0\r\nauthorization: Bearer bench\r\n"
              "content-type: application/json\r\n%s\r\ncontent-length: %zu\r\n",
              options.completions ? "" : "chat/", options.port, options.header ? options.header : "x-stainless-lang: c",
              body.size);
  if (options.itl_us >= 0) bytes_print(&request, "x-bench-itl-us: %lld\r\n", options.itl_us);
  if (options.event_bytes >= 0) bytes_print(&request, "x-bench-event-bytes: %lld\r\n", options.event_bytes);
  bytes_print(&request, "\r\n");
  bytes_add(&request, body.at, body.size);
  free(body.at);
}

__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...) {
  failed++;
  if (failure[0] != 0) return;
  va_list args;
  va_start(args, format);
  vsnprintf(failure, sizeof failure, format, args);
  va_end(args);
  for (char *at = failure; *at; at++) {
    if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = ' ';
  }
}

static void reconnect(struct client *of) {
  if (of->fd >= 0) close(of->fd);
  of->connected = of->busy = false;
  of->fd = connect_to(options.port);
  if (of->fd < 0) die("Cannot connect to port %d: %s", options.port, strerror(errno));
  watch(epoll, of->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, of);
}

static bool may_begin(int64_t now) {
  if (options.requests >= 0) return begun < options.requests;
  return now < ends_at;
}

static void on_broken(struct client *of, const char *why) {
  if (of->busy || !of->connected) fail("%s (status %d, %lld events)", why, of->answer.status, of->answer.events);
  // An address that nobody listens at would be asked for ever.
  if (options.once || !of->connected) of->over = true;
  else reconnect(of);
}

static void push_request(struct client *of) {
  while (of->sent < request.size) {
    ssize_t sent = send(of->fd, request.at + of->sent, request.size - of->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return on_broken(of, strerror(errno));
    of->sent += (size_t)sent;
  }
}

static void ask(struct client *of, int64_t since) {
  response_reset(&of->answer);
  of->busy = true;
  of->sent = 0;
  of->asked_at = of->last_at = since;
  begun++;
  push_request(of);
}

// What an idle connection does next.
static void go_on(struct client *of, int64_t now) {
  if (of->over || of->busy || !of->connected || now < of->begins_at) return;
  if (options.rate > 0) {
    if (waiting == 0) return;
    waiting--;
    return ask(of, arrivals[arrivals_first++]);
  }
  if (!may_begin(now)) {
    of->over = true;
    return;
  }
  ask(of, options.once ? now_ns() : now);
}

static void on_answer(struct client *of, int64_t now) {
  struct response *answer = &of->answer;
  of->busy = false;
  if (answer->status != 200) fail("status %d", answer->status);
  else if (answer->failed_event) fail("an event tells an error");
  else if (options.stream && answer->events < options.tokens) fail("%lld events", answer->events);
  else answered++;
  sample(&latencies, now - of->asked_at);
  if (options.each) sample(&each, now - of->asked_at);
  body_bytes += answer->bytes;
  const char *connection = field_in(answer->head, answer->head_size, "connection");
  bool closes = answer->until_close || (connection != NULL && strncasecmp(connection, "close", 5) == 0);
  if (options.once) of->over = true;
  else if (closes) reconnect(of);
}

static void on_read(struct client *of) {
  static char data[256 * 1024];
  for (;;) {
    ssize_t size = recv(of->fd, data, sizeof data, 0);
    if (size < 0 && errno == EAGAIN) return;
    int64_t now = now_ns();
    if (size == 0 && of->busy && of->answer.until_close && of->answer.in_body) {
      on_answer(of, now);
      return go_on(of, now);
    }
    if (size <= 0) return on_broken(of, "connection closed");
    if (!of->busy) return on_broken(of, "bytes that were not asked for");
    long long before = of->answer.events;
    if (!response_take(&of->answer, data, (size_t)size)) {
      fail("malformed answer");
      of->busy = false;
      return on_broken(of, "malformed answer");
    }
    long long came = of->answer.events - before;
    if (came > 0) {
      sample(before == 0 ? &firsts : &gaps, now - of->last_at);
      for (long long more = 1; more < came; more++) sample(&gaps, 0);
      of->last_at = now;
      events += came;
    }
    if (of->answer.done) {
      on_answer(of, now);
      return go_on(of, now);
    }
    if ((size_t)size < sizeof data) return;
  }
}

static void on_event(struct client *of, uint32_t what) {
  if (of->over) return;
  if (!of->connected && (what & (EPOLLERR | EPOLLHUP))) {
    fail("cannot connect");
    of->over = true;
    return;
  }
  if (what & EPOLLOUT) {
    of->connected = true;
    if (of->busy) push_request(of);
  }
  if (what & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) on_read(of);
}

// xorshift; the same arrivals in every run.
static double chance_of_one(void) {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  chance ^= chance << 17;
  return (double)(chance >> 11) / 9007199254740992.0;
}

static double natural_log(double of) {
  // By halves: no library for one logarithm. ln(m * 2^e) = ln(m) + e ln 2, m in [1, 2).
  int power = 0;
  while (of < 1) {
    of *= 2;
    power--;
  }
  double ratio = (of - 1) / (of + 1), square = ratio * ratio, term = ratio, sum = 0;
  for (int odd = 1; odd < 40; odd += 2) {
    sum += term / odd;
    term *= square;
  }
  return 2 * sum + power * 0.6931471805599453;
}

static void arrive(int64_t now) {
  while (next_arrival <= now && next_arrival < ends_at) {
    size_t count = arrivals_first + (size_t)waiting;
    if (count == arrivals_room) {
      arrivals_room = arrivals_room ? arrivals_room * 2 : 1024;
      arrivals = realloc(arrivals, arrivals_room * sizeof *arrivals);
      if (arrivals == NULL) die("Cannot get memory for arrivals");
    }
    arrivals[count] = next_arrival;
    waiting++;
    double one = chance_of_one();
    next_arrival += (int64_t)(-natural_log(one > 0 ? one : 0.5) / options.rate * 1e9);
  }
}

// Begins what is due; returns when something is due again. `all_over` when nothing will be.
static int64_t begin_due(bool *all_over) {
  int64_t now = now_ns(), next = started_at + (int64_t)(options.limit * 1e9);
  if (options.rate > 0) {
    arrive(now);
    if (next_arrival < ends_at && next_arrival < next) next = next_arrival;
  }
  *all_over = true;
  for (int index = 0; index < options.connections; index++) {
    struct client *of = &clients[index];
    go_on(of, now);
    if (of->over) continue;
    if (options.rate > 0 && !of->busy && waiting == 0 && next_arrival >= ends_at) continue;
    *all_over = false;
    if (!of->busy && of->begins_at > now && of->begins_at < next) next = of->begins_at;
  }
  return next;
}

static void run(void) {
  started_at = now_ns();
  ends_at = started_at + (int64_t)(options.seconds * 1e9);
  next_arrival = started_at;
  for (int index = 0; index < options.connections; index++) {
    clients[index].fd = -1;
    clients[index].begins_at = started_at + (int64_t)(options.spread_ms * 1e6 * index / options.connections);
    reconnect(&clients[index]);
  }
  int64_t give_up_at = started_at + (int64_t)(options.limit * 1e9);
  // All connections are looked at only when one may begin by the clock.
  bool all_over = false;
  int64_t next = begin_due(&all_over);
  while (!all_over && now_ns() < give_up_at) {
    struct epoll_event ready[EVENTS_AT_ONCE];
    int count = wait_events(epoll, ready, next);
    bool look = count <= 0 || now_ns() >= next;
    for (int index = 0; index < count; index++) {
      struct client *of = ready[index].data.ptr;
      bool idle = !of->busy;
      on_event(of, ready[index].events);
      if (idle || !of->busy || of->over) {
        go_on(of, now_ns());
        look = look || !of->busy;
      }
    }
    if (look) next = begin_due(&all_over);
  }
  for (int index = 0; index < options.connections; index++) {
    if (clients[index].busy) fail("no answer in time (%lld events)", clients[index].answer.events);
  }
}

static void tell(double seconds) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"seconds\":%.4f,\"begun\":%lld,\"answered\":%lld,\"failed\":%lld,\"events\":%lld,\"bytes\":%lld,", seconds,
         begun, answered, failed, events, body_bytes);
  tell_samples("latency", &latencies);
  tell_samples("first", &firsts);
  tell_samples("gap", &gaps);
  if (options.each) tell_each("each", &each);
  printf("\"failure\":\"%s\",\"cpuSeconds\":%.4f}\n", failure, cpu);
}

struct option {
  const char *name;
  char type;
  void *at;
};

static const struct option known[] = {
    {"--port", 'i', &options.port},
    {"--connections", 'i', &options.connections},
    {"--requests", 'l', &options.requests},
    {"--tokens", 'l', &options.tokens},
    {"--prompt-tokens", 'l', &options.prompt_tokens},
    {"--itl-us", 'l', &options.itl_us},
    {"--event-bytes", 'l', &options.event_bytes},
    {"--body-bytes", 'z', &options.body_bytes},
    {"--seconds", 'd', &options.seconds},
    {"--rate", 'd', &options.rate},
    {"--spread-ms", 'd', &options.spread_ms},
    {"--limit", 'd', &options.limit},
    {"--once", 'b', &options.once},
    {"--stream", 'b', &options.stream},
    {"--usage", 'b', &options.usage},
    {"--completions", 'b', &options.completions},
    {"--ids", 'b', &options.ids},
    {"--each", 'b', &options.each},
    {"--model", 's', &options.model},
    {"--header", 's', &options.header},
};

static void read_options(int count, char **args) {
  for (int index = 1; index < count; index++) {
    const struct option *found = NULL;
    for (size_t at = 0; at < sizeof known / sizeof *known; at++) {
      if (strcmp(known[at].name, args[index]) == 0) found = &known[at];
    }
    if (found == NULL) die("Cannot take %s", args[index]);
    if (found->type == 'b') {
      *(bool *)found->at = true;
      continue;
    }
    if (++index == count) die("Cannot take %s without a value", found->name);
    switch (found->type) {
      case 'i': *(int *)found->at = atoi(args[index]); break;
      case 'l': *(long long *)found->at = atoll(args[index]); break;
      case 'z': *(size_t *)found->at = (size_t)atoll(args[index]); break;
      case 'd': *(double *)found->at = atof(args[index]); break;
      case 's': *(const char **)found->at = args[index]; break;
    }
  }
  if (options.port == 0) die("Cannot go without --port");
  if (options.connections < 1) die("Cannot go with %d connections", options.connections);
  if (options.ids) options.completions = true;
}

int main(int count, char **args) {
  read_options(count, args);
  want_descriptors();
  make_request();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  clients = calloc((size_t)options.connections, sizeof *clients);
  if (clients == NULL) die("Cannot get memory for %d connections", options.connections);
  run();
  tell((double)(now_ns() - started_at) / 1e9);
}
