/** The one table of the admin API: what is routed, checked and documented by it. @module */
import { RouterError } from "../base/mod.ts";
import type { AdminAnswer, AdminAsk, AdminDeps } from "./admin_deps.ts";
import { drainEngine, MOST_WAIT, undrainEngine } from "./draining.ts";
import {
  addEngine,
  changeEngine,
  listEngines,
  oneEngine,
  REMOVE_WAIT,
  removeEngine,
} from "./engines.ts";
import { live, MOST_INTERVAL } from "./live.ts";
import type { Operation } from "./operation.ts";
import { listRequests, MOST_LISTED, OUTCOMES, requestsOf, USUAL_LISTED } from "./requests.ts";

const NO_ENGINE = "There is no engine of that id.";

/** Operations by path; but for the document that is made of them. */
export const OPERATIONS: readonly Operation[] = [
  {
    id: "listEngines",
    method: "GET",
    path: "/admin/engines",
    summary:
      "All engines that were found, those that are left out too, and how their sources are doing",
    answer: { status: 200, schema: "EngineList", text: "The engines and the sources." },
    errors: {},
    run: listEngines,
  },
  {
    id: "addEngine",
    method: "POST",
    path: "/admin/engines",
    summary: "Add an engine",
    text:
      "In the notation of the configuration file's `engines`. It is kept until the router ends.",
    body: "NewEngine",
    answer: { status: 201, schema: "Engine", text: "It has been added; `Location` leads to it." },
    errors: { 409: "There is one with this URL, or one that it would disturb." },
    run: addEngine,
  },
  {
    id: "getEngine",
    method: "GET",
    path: "/admin/engines/{id}",
    summary: "One engine",
    answer: { status: 200, schema: "Engine", text: "The engine." },
    errors: { 404: NO_ENGINE },
    run: oneEngine,
  },
  {
    id: "changeEngine",
    method: "PATCH",
    path: "/admin/engines/{id}",
    summary: "Change fields of an engine over what its source says",
    text:
      "As a JSON Merge Patch of what was changed before: null takes a change back. It holds until the " +
      "engine goes, or another starts at its address.",
    body: "EngineChange",
    answer: { status: 200, schema: "Engine", text: "The engine with the change." },
    errors: { 404: NO_ENGINE, 409: "Another engine is in the way of the change." },
    run: changeEngine,
  },
  {
    id: "removeEngine",
    method: "DELETE",
    path: "/admin/engines/{id}",
    summary: "Remove an engine that was added here",
    text: "Requests that it has under way go on.",
    query: [
      { name: "drain", type: "flag", text: "Remove it when it has nothing under way any more." },
      {
        name: "timeout",
        type: "seconds",
        most: REMOVE_WAIT.most,
        text: `How long to wait for that; ${REMOVE_WAIT.usual} when not given.`,
      },
    ],
    answer: { status: 200, schema: "Engine", text: "The engine as it was." },
    errors: {
      404: NO_ENGINE,
      409: "Another source has found it, or it has requests under way after `timeout`.",
    },
    run: removeEngine,
  },
  {
    id: "drainEngine",
    method: "POST",
    path: "/admin/engines/{id}/drain",
    summary: "Have an engine get nothing new and end what it has",
    text: "It is idle when its state is `drained`.",
    query: [{
      name: "wait",
      type: "seconds",
      most: MOST_WAIT,
      text: "Answer when it is idle, or after so long; at once when not given.",
    }],
    answer: { status: 200, schema: "Engine", text: "The engine, and what it has under way." },
    errors: { 404: NO_ENGINE },
    run: drainEngine,
  },
  {
    id: "undrainEngine",
    method: "POST",
    path: "/admin/engines/{id}/undrain",
    summary: "Have an engine that was drained serve again",
    answer: { status: 200, schema: "Engine", text: "The engine." },
    errors: { 404: NO_ENGINE },
    run: undrainEngine,
  },
  {
    id: "reload",
    method: "POST",
    path: "/admin/reload",
    summary: "Read the configuration again",
    answer: { status: 200, schema: "Reload", text: "What has changed." },
    errors: { 409: "It stays as it is: what is wrong with it, or that there is nothing to read." },
    run: reload,
  },
  {
    id: "listRequests",
    method: "GET",
    path: "/admin/requests",
    summary: "Requests that ended lately and those under way, the latest first",
    query: [
      {
        name: "limit",
        type: "count",
        most: MOST_LISTED,
        text: `So many at most; ${USUAL_LISTED} when not given.`,
      },
      {
        name: "before",
        type: "count",
        most: Number.MAX_SAFE_INTEGER,
        text: "Those that came before the one of this `seq`.",
      },
      { name: "id", type: "text", text: "Those whose id begins so." },
      { name: "model", type: "text", text: "Those for this model." },
      { name: "engine", type: "text", text: "Those at the engine of this id." },
      { name: "route", type: "text", text: "Those that took this way." },
      { name: "outcome", type: "choice", choices: OUTCOMES, text: "Those that ended so." },
      { name: "state", type: "choice", choices: ["under_way", "ended"], text: "These alone." },
    ],
    answer: { status: 200, schema: "RequestList", text: "The requests." },
    errors: {},
    run: listRequests,
  },
  {
    id: "getRequests",
    method: "GET",
    path: "/admin/requests/{id}",
    idText: "A request's `seq` or `id`, or the id that an engine was given for it",
    summary: "All that is kept of the requests of an id",
    answer: { status: 200, schema: "RequestDetails", text: "The requests, the latest first." },
    errors: { 404: "No request of that id is under way or kept." },
    run: requestsOf,
  },
  {
    id: "live",
    method: "GET",
    path: "/admin/live",
    summary: "A stream of the fleet's state and of requests that end",
    text: "Server-sent events `hello`, `fleet` and `requests`, as the README of lib/admin tells.",
    query: [{
      name: "interval",
      type: "seconds",
      least: 1,
      most: MOST_INTERVAL,
      text: "Seconds between two events; 1 when not given.",
    }],
    answer: { status: 200, schema: "LiveEvent", text: "The stream.", events: true },
    errors: { 429: "Too many read it, or the key has had its share." },
    run: live,
  },
];

async function reload(deps: AdminDeps, { by }: AdminAsk): Promise<AdminAnswer> {
  if (deps.reload === undefined) {
    throw new RouterError("conflict", "This router has nothing to read again");
  }
  deps.log.info("Configuration is read again by the admin API", { by });
  const told = await deps.reload();
  if (told.result !== "refused") return { status: 200, value: told };
  const why = told.problems.join("; ");
  throw new RouterError("conflict", `The configuration stays as it was: ${why}`);
}
