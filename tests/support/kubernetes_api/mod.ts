/** A small, strict API server of Kubernetes, and objects for it. @module */
export * from "./api.ts";
export * from "./objects.ts";
export type { Rule, User } from "./questions.ts";
export * from "./server.ts";
export { badRequest, statusOf as statusObject } from "./statuses.ts";
export * from "./store.ts";
export * from "./upstream.ts";
