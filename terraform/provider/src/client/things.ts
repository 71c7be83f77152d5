import type { Deadline } from "@sluice/shared/time";
import type { Api } from "./api.js";
import { ApiRefused } from "./api-failure.js";
import type { DryRunRecord } from "./records.js";

/** What is stored, and which version of it. */
export interface Stored<T> {
  readonly record: T;
  readonly etag: string;
  readonly generation: number | undefined;
}

/** One kind of thing that has a path of its own and is made by PUT: tenants, users, clusters. */
export class Things<T> {
  readonly #api: Api;
  /** The key of the body, `{"tenant": ...}`. */
  readonly #envelope: string;

  constructor(api: Api, envelope: string) {
    this.#api = api;
    this.#envelope = envelope;
  }

  /** Undefined: there is none. */
  async find(path: string, deadline?: Deadline): Promise<Stored<T> | undefined> {
    try {
      return stored(await this.#api.send<{ readonly data: T }>({ method: "GET", path, deadline }));
    } catch (error) {
      if (error instanceof ApiRefused && error.status === 404) return undefined;
      throw error;
    }
  }

  async put(path: string, content: unknown, condition: Condition, deadline?: Deadline): Promise<Stored<T>> {
    const body = { [this.#envelope]: content };
    const headers = headersOf(condition);
    return stored(
      await this.#api.send<{ readonly data: T }>({ method: "PUT", path, body, headers, deadline }),
    );
  }

  /** What a PUT would change. */
  async dryRun(path: string, content: unknown, condition: Condition = {}): Promise<DryRunRecord> {
    const body = { [this.#envelope]: content };
    const answer = await this.#api.send<DryRunRecord>({
      method: "PUT",
      path: `${path}?dry_run=true`,
      body,
      headers: headersOf(condition),
    });
    return answer.data;
  }

  /** @returns the generation of the deletion; undefined when there was none to delete */
  async remove(path: string, etag: string, deadline?: Deadline): Promise<number | undefined> {
    try {
      const headers = { "if-match": etag };
      return (await this.#api.send({ method: "DELETE", path, headers, deadline })).generation;
    } catch (error) {
      if (error instanceof ApiRefused && error.status === 404) return undefined;
      throw error;
    }
  }
}

/** The version that a change is about; `absent`: it must not be there. */
export interface Condition {
  readonly etag?: string;
  readonly absent?: boolean;
}

export function headersOf({ etag, absent }: Condition): Readonly<Record<string, string>> {
  return {
    ...(etag === undefined ? {} : { "if-match": etag }),
    ...(absent === true ? { "if-none-match": "*" } : {}),
  };
}

export function stored<T>(answer: {
  readonly data: { readonly data: T };
  readonly etag: string | undefined;
  readonly generation: number | undefined;
}): Stored<T> {
  return { record: answer.data.data, etag: answer.etag ?? "*", generation: answer.generation };
}
