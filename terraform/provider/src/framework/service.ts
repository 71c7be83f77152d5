import {
  type ContentOf,
  type DynamicValueContent,
  decodeValue,
  encodeValue,
  isValues,
  type MethodName,
  type PROVIDER_METHODS,
  type Value,
  type Values,
  type ValueType,
} from "../protocol/index.js";
import { type Diagnostic, diagnosticMessage, problem, Refused } from "./diagnostic.js";
import type { Provider } from "./provider.js";
import { type Schema, typeOf } from "./schema.js";

export type RequestOf<M extends MethodName> = ContentOf<(typeof PROVIDER_METHODS)[M]["request"]>;
export type ResponseOf<M extends MethodName> = Partial<ContentOf<(typeof PROVIDER_METHODS)[M]["response"]>>;

/** Some of the methods of the service. */
export type Methods = {
  readonly [M in MethodName]?: (request: RequestOf<M>) => Promise<ResponseOf<M>> | ResponseOf<M>;
};

/** What one run of the provider knows: its parts, and the client once it is configured. */
export class Service<C> {
  readonly provider: Provider<C>;
  #client: C | undefined;

  constructor(provider: Provider<C>) {
    this.provider = provider;
  }

  configure(client: C | undefined): void {
    this.#client = client;
  }

  /** Undefined while the provider's own configuration is not known. */
  get knownClient(): C | undefined {
    return this.#client;
  }

  /** @throws Refused */
  get client(): C {
    if (this.#client !== undefined) return this.#client;
    throw new Refused([
      problem(
        "The provider's configuration is not known yet",
        "An argument of the provider block comes from something that is still to be made. Make that first, with " +
          "terraform apply -target.",
      ),
    ]);
  }
}

/** @throws Refused for a type that the schema does not have; Terraform never asks for one */
export function ofType<T>(parts: Readonly<Record<string, T>>, name: string): T {
  const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
  if (part === undefined) throw new Refused([problem("Unknown type", `This provider has no ${name}.`)]);
  return part;
}

export function readValue(value: Partial<DynamicValueContent> | undefined, type: ValueType): Value {
  return decodeValue(value?.msgpack ?? new Uint8Array(0), type);
}

/** An object of this schema; null when there is none. */
export function readValues(value: Partial<DynamicValueContent> | undefined, schema: Schema): Values | null {
  const read = readValue(value, typeOf(schema));
  return isValues(read) ? read : null;
}

export function writeValue(value: Value, type: ValueType): Partial<DynamicValueContent> {
  return { msgpack: encodeValue(value, type) };
}

export function writeValues(values: Values | null, schema: Schema): Partial<DynamicValueContent> {
  return writeValue(values, typeOf(schema));
}

/** Runs `work`; what goes wrong becomes diagnostics, so that Terraform keeps what it has in state. */
export async function diagnosed<T>(
  work: () => Promise<T> | T,
): Promise<{ readonly result?: T; readonly state?: Values; readonly diagnostics: readonly Diagnostic[] }> {
  try {
    return { result: await work(), diagnostics: [] };
  } catch (error) {
    if (error instanceof Refused) {
      return {
        diagnostics: error.diagnostics,
        ...(error.state === undefined ? {} : { state: error.state }),
      };
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const detail = `This is a fault of the provider; please report it.\n\n${text}`;
    return { diagnostics: [problem("The provider failed", detail)] };
  }
}

export function diagnosticMessages(diagnostics: readonly Diagnostic[]) {
  return diagnostics.map(diagnosticMessage);
}
