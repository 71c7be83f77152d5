import { SluiceError } from "../errors/index.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Turns the text of one variable into its value, or throws an Error whose message says what is wanted. */
export type Variable<T> = (text: string | undefined, name: string) => T;

/** All problems of an environment at once: an operator mends them in one go. */
export class ConfigurationError extends SluiceError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super({
      code: "ECONFIGURATION",
      kind: "invalid",
      clientMessage: `configuration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    });
    this.problems = problems;
  }
}

type Values<V> = { readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never };

/**
 * Reads every variable, then freezes the result.
 * @throws ConfigurationError with one line for each variable that cannot be used.
 */
export function readEnvironment<V extends Record<string, Variable<unknown>>>(
  environment: Environment,
  variables: V,
): Values<V> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, read] of Object.entries(variables)) {
    try {
      // An empty variable counts as unset: compose files and Helm charts set empty ones.
      values[name] = read(environment[name] === "" ? undefined : environment[name], name);
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return Object.freeze(values) as Values<V>;
}
