/** The two forms in which the router writes answers of its own. @module */

/** Which endpoint's form an answer has. */
export type AnswerForm = "completions" | "chat";

/** `object` of each form. */
export const OBJECT_NAMES = {
  completions: { stream: "text_completion", whole: "text_completion" },
  chat: { stream: "chat.completion.chunk", whole: "chat.completion" },
} as const;
