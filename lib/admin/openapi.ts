/** The admin API written out as OpenAPI 3.1, by the table that routes it. @module */
import type { Operation, QueryParameter } from "./operation.ts";
import { reference, type SchemaName, SCHEMAS } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

/** Errors that any operation may answer. */
const ERRORS: Readonly<Record<number, string>> = {
  400: "The request is wrong: the message says which field or parameter, and what would be right.",
  401: "A key is needed, or is not known.",
  403: "The request comes from a page in a browser, or by a foreign name of the address.",
  429: "The key has had its share.",
};

/** Further errors of operations that write. */
const WRITE_ERRORS: Readonly<Record<number, string>> = {
  413: "The body is too large.",
  415: "The body is not said to be JSON.",
};

/** The document of `operations`; `version` is the router's. */
export function openApi(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const methods = paths[operation.path] ??= {};
    methods[operation.method.toLowerCase()] = described(operation);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "pd-router admin API",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{}, { key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: SCHEMAS,
    },
  };
}

function described(operation: Operation): Json {
  const { id, summary, text, path, query = [], body, answer, method, idText } = operation;
  const parameters = [
    ...(path.includes("{id}") ? [idOf(idText)] : []),
    ...query.map(parameterOf),
  ];
  const errors = {
    ...ERRORS,
    ...(method === "POST" || method === "PATCH" ? WRITE_ERRORS : {}),
    ...operation.errors,
  };
  return {
    operationId: id,
    summary,
    ...(text === undefined ? {} : { description: text }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonOf(body) } }),
    responses: {
      [answer.status]: {
        description: answer.text,
        content: answer.events === true ? eventsOf(answer.schema) : jsonOf(answer.schema),
      },
      ...Object.fromEntries(
        Object.entries(errors).map(([status, description]) => [
          status,
          { description, content: jsonOf("Error") },
        ]),
      ),
    },
  };
}

function idOf(text = "An engine's `id`"): Json {
  return {
    name: "id",
    in: "path",
    required: true,
    description: `${text}, percent-encoded.`,
    schema: { type: "string" },
  };
}

function parameterOf(parameter: QueryParameter): Json {
  const { name, text } = parameter;
  return { name, in: "query", description: text, schema: schemaOf(parameter) };
}

function schemaOf(parameter: QueryParameter): Json {
  switch (parameter.type) {
    case "flag":
      return { type: "boolean" };
    case "seconds":
      return { type: "number", minimum: parameter.least ?? 0, maximum: parameter.most };
    case "count":
      return { type: "integer", minimum: 1, maximum: parameter.most };
    case "choice":
      return { type: "string", enum: parameter.choices };
    case "text":
      return { type: "string" };
    default:
      return parameter satisfies never;
  }
}

function jsonOf(schema: SchemaName): Json {
  return { "application/json": { schema: reference(schema) } };
}

/** One event's data; its name says which of the forms it has. */
function eventsOf(schema: SchemaName): Json {
  return { "text/event-stream": { schema: reference(schema) } };
}
