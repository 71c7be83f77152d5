import { setTimeout as wait } from "node:timers/promises";

const TIMEOUT_MS = 30_000;
const MOST_TRIES = 10;
const LONGEST_WAIT_S = 60;

export interface ApiAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The control plane's API, for commands. Waits as long as it is told to when it is asked too often. */
export class ApiClient {
  readonly #base: string;
  readonly #token: string;
  readonly #tell: (line: string) => void;

  /** @param tell is told why nothing happens for a while */
  constructor(base: string, token: string, tell: (line: string) => void) {
    this.#base = base.replace(/\/+$/, "");
    this.#token = token;
    this.#tell = tell;
  }

  get(path: string): Promise<ApiAnswer> {
    return this.#send("GET", path, undefined);
  }

  put(path: string, body: unknown): Promise<ApiAnswer> {
    return this.#send("PUT", path, body);
  }

  patch(path: string, body: unknown): Promise<ApiAnswer> {
    return this.#send("PATCH", path, body);
  }

  /** @throws when the API cannot be reached, refuses the token, or answers with 5xx */
  async #send(method: string, path: string, body: unknown): Promise<ApiAnswer> {
    for (let tries = 1; ; tries++) {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      const { status } = response;
      if ((status === 429 || status === 503) && tries < MOST_TRIES) {
        const asked = Number(response.headers.get("retry-after") ?? 1);
        const seconds = Math.min(LONGEST_WAIT_S, Math.max(1, asked));
        this.#tell(`${status} ${text.slice(0, 200)}: waiting ${seconds} s`);
        await wait(seconds * 1000);
        continue;
      }
      if (status === 401 || status === 403 || status >= 500) {
        throw new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`);
      }
      return { status, body: text === "" ? {} : JSON.parse(text) };
    }
  }
}
