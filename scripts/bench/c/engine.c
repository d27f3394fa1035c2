// An engine that answers from memory, so that what a router costs shows rather than what an engine
// does. One thread on epoll; every port serves whole requests and both legs of every handoff.
//
//   engine [--model NAME] PORT[:NOTIFY_PORT]...
//
// Prefill legs with a disagg_spec are told of to NOTIFY_PORT, on a ZeroMQ PUSH socket. A stream has
// max_tokens events, apart by the field x-bench-itl-us of the request, or what the engine was last
// told by GET /bench/itl/MICROSECONDS (for routers that pass no fields on); 0: as fast as they go.
// x-bench-event-bytes makes each event so much larger. GET /bench/requests tells how many came.
#include "answers.h"
#include "notifier.h"

enum kind { LISTENER, CONNECTION, NOTIFIER };

struct port {
  int kind;
  int fd;
  long long requests, found;
  int running;
  struct notifier *notifier;
};

struct connection {
  int kind;
  int fd;
  struct port *port;
  struct connection *next, *previous;
  struct bytes out;
  size_t out_sent;
  // The stream under way; no tokens: there is none.
  struct stream_texts *texts;
  struct pace *pace;
  long long tokens, sent;
  int64_t started_at, due_at;
  bool queued, closed;
  struct bytes end;
  struct request request;
};

// Streams of one interval, in the order of their next tokens.
struct pace {
  int64_t interval;
  struct connection *first, *last;
};

#define PACES 32
#define OWED_MOST 16
static struct pace paces[PACES];
static int pace_count;
static int epoll;
static long long usual_itl_us;
static struct bytes scratch, body;

static struct pace *pace_of(int64_t interval) {
  for (int index = 0; index < pace_count; index++) {
    if (paces[index].interval == interval) return &paces[index];
  }
  if (pace_count == PACES) die("Cannot keep more than %d intervals", PACES);
  paces[pace_count].interval = interval;
  return &paces[pace_count++];
}

static void enqueue(struct connection *to) {
  struct pace *in = to->pace;
  to->queued = true;
  to->next = NULL;
  to->previous = in->last;
  if (in->last != NULL) in->last->next = to;
  else in->first = to;
  in->last = to;
}

static void dequeue(struct connection *from) {
  if (!from->queued) return;
  from->queued = false;
  if (from->previous != NULL) from->previous->next = from->next;
  else from->pace->first = from->next;
  if (from->next != NULL) from->next->previous = from->previous;
  else from->pace->last = from->previous;
}

static struct connection *closed;

// Freed once the events at hand are dealt with: one of them may still name it.
static void hang_up(struct connection *gone) {
  if (gone->closed) return;
  gone->closed = true;
  dequeue(gone);
  if (gone->tokens > 0) gone->port->running--;
  close(gone->fd);
  gone->next = closed;
  closed = gone;
}

static void free_closed(void) {
  while (closed != NULL) {
    struct connection *gone = closed;
    closed = gone->next;
    free(gone->out.at);
    free(gone->end.at);
    free(gone);
  }
}

// Sends, and keeps what the socket does not take.
static void send_bytes(struct connection *to, const char *data, size_t size) {
  if (to->out.size == 0) {
    ssize_t sent = send(to->fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return hang_up(to);
    if (sent > 0) {
      data += sent;
      size -= (size_t)sent;
    }
  }
  if (size > 0) bytes_add(&to->out, data, size);
}

static void flush(struct connection *to) {
  while (to->out.size > to->out_sent) {
    ssize_t sent = send(to->fd, to->out.at + to->out_sent, to->out.size - to->out_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return hang_up(to);
    to->out_sent += (size_t)sent;
  }
  to->out.size = to->out_sent = 0;
}

// Sends the tokens that are due, in one write as an engine does that has fallen behind.
static void send_due(struct connection *to, int64_t now) {
  struct bytes *texts = &scratch;
  int count = 0;
  texts->size = 0;
  while (to->sent < to->tokens && to->due_at <= now && count < OWED_MOST) {
    to->sent++;
    count++;
    to->due_at += to->pace->interval;
    struct bytes *text = to->sent == to->tokens ? &to->texts->last : &to->texts->token;
    bytes_add(texts, text->at, text->size);
    if (to->pace->interval == 0) break;
  }
  bool done = to->sent == to->tokens;
  if (done) {
    bytes_add(texts, to->end.at, to->end.size);
    to->tokens = 0;
    to->port->running--;
  }
  send_bytes(to, texts->at, texts->size);
  if (!done && !to->closed && to->out.size == 0) enqueue(to);
}

static void begin_stream(struct connection *to, bool chat, long long tokens) {
  const struct request *asked = &to->request;
  long long itl_us = number_in(asked->head, asked->head_size, "x-bench-itl-us", usual_itl_us);
  long long event_bytes = number_in(asked->head, asked->head_size, "x-bench-event-bytes", 0);
  to->texts = texts_for(chat, (size_t)event_bytes);
  to->pace = pace_of(itl_us * 1000);
  to->tokens = tokens;
  to->sent = 0;
  to->end.size = 0;
  add_end(&to->end, asked, chat, tokens);
  to->started_at = now_ns();
  to->due_at = to->started_at + to->pace->interval;
  to->port->running++;
  send_bytes(to, to->texts->head.at, to->texts->head.size);
  if (!to->closed && to->out.size == 0) enqueue(to);
}

static void tell_landed(struct connection *from) {
  const struct request *asked = &from->request;
  const char *id = body_has(asked, "\"req_id\":\"");
  if (id == NULL || from->port->notifier == NULL) return;
  id += strlen("\"req_id\":\"");
  const char *end = memchr(id, '"', (size_t)(asked->edges + asked->edge_size - id));
  if (end != NULL) notifier_tell(from->port->notifier, id, (size_t)(end - id));
}

static bool gets(const struct request *asked, const char *path) {
  return strncmp(asked->head + 4, path, strlen(path)) == 0;
}

static void answer_get(struct connection *to, struct bytes *said) {
  const struct request *asked = &to->request;
  if (gets(asked, "/v1/models ")) return say_models(said);
  if (gets(asked, "/metrics ")) return say_metrics(said, to->port->running, to->port->found);
  if (gets(asked, "/health ")) return say_text(said, "200 OK", "");
  if (gets(asked, "/version ")) return add_json(said, "{\"version\":\"0.32.0\"}", 20);
  if (gets(asked, "/bench/itl/")) {
    usual_itl_us = atoll(asked->head + 4 + strlen("/bench/itl/"));
    return say_text(said, "200 OK", "");
  }
  if (gets(asked, "/bench/requests ")) {
    char count[32];
    snprintf(count, sizeof count, "%lld", to->port->requests);
    return say_text(said, "200 OK", count);
  }
  say_text(said, "404 Not Found", "");
}

static void answer(struct connection *to) {
  static struct bytes said;
  const struct request *asked = &to->request;
  const char *path = asked->head + 5;
  said.size = 0;
  if (strncmp(asked->head, "GET ", 4) == 0) {
    answer_get(to, &said);
    return send_bytes(to, said.at, said.size);
  }
  bool chat = strncmp(path, "/v1/chat/", 9) == 0;
  size_t path_size = strcspn(path, " ?");
  to->port->requests++;
  if (path_size == 9 && strncmp(path, "/tokenize", 9) == 0) {
    say_tokenized(&said, prompt_tokens(asked));
  } else if (path_size == 11 && strncmp(path, "/detokenize", 11) == 0) {
    add_json(&said, "{\"prompt\":\" token\"}", 19);
  } else if (path_size > 7 && strncmp(path + path_size - 7, "/render", 7) == 0) {
    say_rendered(&said, chat, prompt_tokens(asked));
  } else if (strncmp(path, "/v1/", 4) != 0) {
    say_text(&said, "404 Not Found", "");
  } else if (body_has(asked, "\"disagg_spec\"") != NULL) {
    tell_landed(to);
    say_prefilled(&said, &body, asked, chat, false);
  } else if (body_true(asked, "\"do_remote_decode\"")) {
    say_prefilled(&said, &body, asked, chat, true);
  } else {
    long long tokens = body_number(asked, "\"max_tokens\"", body_number(asked, "\"max_completion_tokens\"", 16));
    to->port->found += prompt_tokens(asked);
    if (body_true(asked, "\"stream\"")) return begin_stream(to, chat, tokens < 1 ? 1 : tokens);
    say_whole(&said, &body, asked, chat, tokens);
  }
  send_bytes(to, said.at, said.size);
}

static void read_requests(struct connection *from) {
  static char data[256 * 1024];
  for (;;) {
    ssize_t size = recv(from->fd, data, sizeof data, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return hang_up(from);
    for (size_t at = 0; at < (size_t)size;) {
      size_t used;
      // A stream that is asked something else meanwhile has a client that this engine is not for.
      if (from->tokens > 0) return hang_up(from);
      enum taken taken = request_take(&from->request, data + at, (size_t)size - at, &used);
      at += used;
      if (taken == TAKEN_WRONG) return hang_up(from);
      if (taken == TAKEN_MORE) continue;
      answer(from);
      if (from->closed) return;
      request_reset(&from->request);
    }
    if ((size_t)size < sizeof data) return;
  }
}

static void on_connection(struct connection *of, uint32_t events) {
  if (of->closed) return;
  if (events & (EPOLLERR | EPOLLHUP)) return hang_up(of);
  if ((events & EPOLLOUT) && of->out.size > 0) {
    flush(of);
    if (!of->closed && of->out.size == 0 && of->tokens > 0 && !of->queued) send_due(of, now_ns());
  }
  if (!of->closed && (events & (EPOLLIN | EPOLLRDHUP))) read_requests(of);
}

static void accept_all(struct port *at) {
  for (;;) {
    int fd = accept4(at->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    no_delay(fd);
    struct connection *made = calloc(1, sizeof *made);
    if (made == NULL) die("Cannot get memory for a connection");
    made->kind = CONNECTION;
    made->fd = fd;
    made->port = at;
    watch(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, made);
  }
}

static struct port *listen_at(int number) {
  struct port *made = calloc(1, sizeof *made);
  made->kind = LISTENER;
  made->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(made->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = loopback(number);
  if (bind(made->fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(made->fd, 4096) < 0) {
    die("Cannot listen on port %d: %s", number, strerror(errno));
  }
  watch(epoll, made->fd, EPOLLIN, made);
  return made;
}

static struct notifier *notifiers[64];
static int notifier_count;

static struct notifier *notifier_to(int port) {
  for (int index = 0; index < notifier_count; index++) {
    if (notifiers[index]->port == port) return notifiers[index];
  }
  if (notifier_count == 64) die("Cannot notify more than 64 ports");
  struct notifier *made = calloc(1, sizeof *made);
  made->kind = NOTIFIER;
  made->port = port;
  made->fd = -1;
  return notifiers[notifier_count++] = made;
}

// Sends what is due; returns when something is due again, -1 for never.
static int64_t tick(void) {
  int64_t now = now_ns(), next = -1;
  for (int index = 0; index < pace_count; index++) {
    struct connection *end = paces[index].last;
    while (paces[index].first != NULL && paces[index].first->due_at <= now) {
      struct connection *due = paces[index].first;
      dequeue(due);
      send_due(due, now);
      if (due == end) break;
    }
    struct connection *first = paces[index].first;
    if (first != NULL && (next < 0 || first->due_at < next)) next = first->due_at;
  }
  for (int index = 0; index < notifier_count; index++) {
    struct notifier *to = notifiers[index];
    if (to->fd < 0 && now >= to->again_at) notifier_connect(to, epoll);
    if (to->fd < 0 && (next < 0 || to->again_at < next)) next = to->again_at;
  }
  return next;
}

int main(int count, char **args) {
  want_descriptors();
  make_ids();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int index = 1; index < count; index++) {
    if (strcmp(args[index], "--model") == 0 && index + 1 < count) {
      snprintf(model, sizeof model, "%s", args[++index]);
      continue;
    }
    char *notify = strchr(args[index], ':');
    struct port *port = listen_at(atoi(args[index]));
    if (notify != NULL) port->notifier = notifier_to(atoi(notify + 1));
  }
  for (;;) {
    struct epoll_event events[EVENTS_AT_ONCE];
    int ready = wait_events(epoll, events, tick());
    for (int index = 0; index < ready; index++) {
      void *whose = events[index].data.ptr;
      switch (*(int *)whose) {
        case LISTENER: accept_all(whose); break;
        case CONNECTION: on_connection(whose, events[index].events); break;
        case NOTIFIER: notifier_event(whose, events[index].events); break;
      }
    }
    free_closed();
  }
}
