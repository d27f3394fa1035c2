// What the engine says, in the forms of vLLM. Made once where it can be.
#pragma once
#include "request.h"

#define MODEL_MOST 64
#define IDS_MOST (1024 * 1024)
#define FIRST_TOKEN 11111

static char model[MODEL_MOST] = "bench";

// "10000,10001,..." with IDS_MOST ids of five digits: any list of ids is its beginning.
static char *ids_text;

static void make_ids(void) {
  ids_text = malloc(IDS_MOST * 6 + 1);
  if (ids_text == NULL) die("Cannot get memory for ids");
  for (int index = 0; index < IDS_MOST; index++) {
    char *digit = ids_text + index * 6 + 5;
    *digit = ',';
    for (int id = 10000 + index % 90000; id > 0; id /= 10) *--digit = (char)('0' + id % 10);
  }
}

static size_t ids_size(long long count) {
  if (count < 1) count = 1;
  if (count > IDS_MOST) count = IDS_MOST;
  return (size_t)count * 6 - 1;
}

// A head for a body of `size` bytes.
static void add_head(struct bytes *to, const char *status, const char *type, size_t size) {
  bytes_print(to,
              "HTTP/1.1 %s\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: uvicorn\r\n"
              "content-length: %zu\r\ncontent-type: %s\r\n\r\n",
              status, size, type);
}

static void add_json(struct bytes *to, const char *body, size_t size) {
  add_head(to, "200 OK", "application/json", size);
  bytes_add(to, body, size);
}

static void say_text(struct bytes *to, const char *status, const char *text) {
  add_head(to, status, "text/plain", strlen(text));
  bytes_add(to, text, strlen(text));
}

static void say_models(struct bytes *to) {
  char body[512];
  int size = snprintf(body, sizeof body,
                      "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":\"model\",\"created\":1,\"owned_by\":\"vllm\","
                      "\"root\":\"%s\",\"parent\":null,\"max_model_len\":1000000,\"permission\":[]}]}",
                      model, model);
  add_json(to, body, (size_t)size);
}

// Requests under way, and tokens that were looked for in KV from elsewhere (all are found).
static void say_metrics(struct bytes *to, int running, long long found) {
  char body[1024];
  int size = snprintf(body, sizeof body,
                      "# TYPE vllm:num_requests_running gauge\n"
                      "vllm:num_requests_running{engine=\"0\",model_name=\"%s\"} %d\n"
                      "vllm:num_requests_waiting{engine=\"0\",model_name=\"%s\"} 0\n"
                      "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"%s\"} 0.1\n"
                      "vllm:external_prefix_cache_queries_total{engine=\"0\",model_name=\"%s\"} %lld\n"
                      "vllm:external_prefix_cache_hits_total{engine=\"0\",model_name=\"%s\"} %lld\n",
                      model, running, model, model, model, found, model, found);
  add_head(to, "200 OK", "text/plain; version=0.0.4", (size_t)size);
  bytes_add(to, body, (size_t)size);
}

static void say_ids(struct bytes *to, const char *before, long long count, const char *after) {
  size_t size = ids_size(count);
  add_head(to, "200 OK", "application/json", strlen(before) + size + strlen(after));
  bytes_add(to, before, strlen(before));
  bytes_add(to, ids_text, size);
  bytes_add(to, after, strlen(after));
}

static void say_tokenized(struct bytes *to, long long count) {
  char before[96];
  snprintf(before, sizeof before, "{\"count\":%lld,\"max_model_len\":1000000,\"tokens\":[", count);
  say_ids(to, before, count, "],\"token_strs\":null}");
}

static void say_rendered(struct bytes *to, bool chat, long long count) {
  say_ids(to, chat ? "{\"request_id\":\"r-0\",\"token_ids\":[" : "[{\"request_id\":\"r-0\",\"token_ids\":[", count,
          chat ? "],\"sampling_params\":{}}" : "],\"sampling_params\":{}}]");
}

static void add_usage(struct bytes *to, long long prompt, long long completion) {
  bytes_print(to,
              "\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld,\"completion_tokens\":%lld,"
              "\"prompt_tokens_details\":null}",
              prompt, prompt + completion, completion);
}

// Of one prefill leg: what comes back for LMCache, or for vLLM's NixlConnector.
static void say_prefilled(struct bytes *to, struct bytes *body, const struct request *asked, bool chat, bool nixl) {
  long long count = prompt_tokens(asked);
  bool ids = body_true(asked, "\"return_token_ids\"");
  body->size = 0;
  bytes_print(body, "{\"id\":\"%s-0\",\"object\":\"%s\",\"created\":1,\"model\":\"%s\",\"choices\":[{\"index\":0,",
              chat ? "chatcmpl" : "cmpl", chat ? "chat.completion" : "text_completion", model);
  if (chat) bytes_print(body, "\"message\":{\"role\":\"assistant\",\"content\":\" token\"},");
  else bytes_print(body, "\"text\":\" token\",");
  bytes_print(body, "\"logprobs\":null,\"finish_reason\":\"length\",\"stop_reason\":null,\"token_ids\":");
  bytes_print(body, ids ? "[%d]" : "null", FIRST_TOKEN);
  if (ids && !chat) {
    bytes_print(body, ",\"prompt_token_ids\":[");
    bytes_add(body, ids_text, ids_size(count));
    bytes_print(body, "]");
  }
  bytes_print(body, "}],");
  if (ids && chat) {
    bytes_print(body, "\"prompt_token_ids\":[");
    bytes_add(body, ids_text, ids_size(count));
    bytes_print(body, "],");
  }
  add_usage(body, count, 1);
  if (nixl) {
    bytes_print(body,
                ",\"kv_transfer_params\":{\"do_remote_prefill\":true,\"do_remote_decode\":false,\"remote_block_ids\":[[");
    for (long long block = 0; block <= count / 16; block++) bytes_print(body, block ? ",%lld" : "%lld", block + 1);
    bytes_print(body,
                "]],\"remote_engine_id\":\"7e0ab7de-2a5c-4b3e-9d3b-6d1f0c2b8a11\",\"remote_request_id\":\"cmpl-0\","
                "\"remote_host\":\"127.0.0.1\",\"remote_port\":5600,\"tp_size\":1,\"remote_num_tokens\":%lld}}",
                count);
  } else {
    bytes_print(body, ",\"kv_transfer_params\":{\"first_tok\":%d}}", FIRST_TOKEN);
  }
  add_json(to, body->at, body->size);
}

static void say_whole(struct bytes *to, struct bytes *body, const struct request *asked, bool chat, long long tokens) {
  body->size = 0;
  bytes_print(body, "{\"id\":\"%s-0\",\"object\":\"%s\",\"created\":1,\"model\":\"%s\",\"choices\":[{\"index\":0,%s",
              chat ? "chatcmpl" : "cmpl", chat ? "chat.completion" : "text_completion", model,
              chat ? "\"message\":{\"role\":\"assistant\",\"content\":\"" : "\"text\":\"");
  for (long long token = 0; token < tokens; token++) bytes_add(body, " token", 6);
  bytes_print(body, "\"%s,\"logprobs\":null,\"finish_reason\":\"length\",\"stop_reason\":null}],", chat ? "}" : "");
  add_usage(body, prompt_tokens(asked), tokens);
  bytes_print(body, "}");
  add_json(to, body->at, body->size);
}

// Parts of a stream, each in a chunk of its own.
struct stream_texts {
  bool chat;
  size_t event_bytes;
  struct bytes head, token, last;
};

static void add_chunk(struct bytes *to, const struct bytes *event) {
  bytes_print(to, "%zx\r\n", event->size);
  bytes_add(to, event->at, event->size);
  bytes_add(to, "\r\n", 2);
}

static void add_event(struct bytes *to, bool chat, const char *delta, size_t pad, const char *finish) {
  struct bytes event = {0};
  bytes_print(&event, "data: {\"id\":\"%s-0\",\"object\":\"%s\",\"created\":1,\"model\":\"%s\",\"choices\":[{\"index\":0,%s",
              chat ? "chatcmpl" : "cmpl", chat ? "chat.completion.chunk" : "text_completion", model, delta);
  bytes_room(&event, pad);
  memset(event.at + event.size, 'x', pad);
  event.size += pad;
  bytes_print(&event, "\"%s,\"logprobs\":null,\"finish_reason\":%s,\"stop_reason\":null,\"token_ids\":null}]}\n\n",
              chat ? "}" : "", finish);
  add_chunk(to, &event);
  free(event.at);
}

// The texts for events of at least `event_bytes` more than usual, kept: there are few sizes.
static struct stream_texts *texts_for(bool chat, size_t event_bytes) {
  static struct stream_texts kept[16];
  static int count;
  for (int index = 0; index < count; index++) {
    if (kept[index].chat == chat && kept[index].event_bytes == event_bytes) return &kept[index];
  }
  if (count == 16) die("Cannot stream events of more than 16 sizes");
  struct stream_texts *made = &kept[count++];
  made->chat = chat;
  made->event_bytes = event_bytes;
  bytes_print(&made->head,
              "HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: uvicorn\r\n"
              "content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n");
  if (chat) add_event(&made->head, true, "\"delta\":{\"role\":\"assistant\",\"content\":\"", 0, "null");
  const char *delta = chat ? "\"delta\":{\"content\":\" token" : "\"text\":\" token";
  add_event(&made->token, chat, delta, event_bytes, "null");
  add_event(&made->last, chat, delta, event_bytes, "\"length\"");
  return made;
}

// What ends a stream: its usage if it was asked for, `[DONE]`, and the end of the body.
static void add_end(struct bytes *to, const struct request *asked, bool chat, long long tokens) {
  if (body_true(asked, "\"include_usage\"")) {
    struct bytes event = {0};
    bytes_print(&event, "data: {\"id\":\"%s-0\",\"object\":\"%s\",\"created\":1,\"model\":\"%s\",\"choices\":[],",
                chat ? "chatcmpl" : "cmpl", chat ? "chat.completion.chunk" : "text_completion", model);
    add_usage(&event, prompt_tokens(asked), tokens);
    bytes_print(&event, "}\n\n");
    add_chunk(to, &event);
    free(event.at);
  }
  bytes_print(to, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}
