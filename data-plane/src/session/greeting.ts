import { isPassing, type Lease, type Pool } from "../pool/index.js";
import type { SessionSettings } from "../server/index.js";
import { parameterStatus } from "../wire/index.js";
import { applicationNameAsReported } from "./application-name.js";

/** What a client is told of its server's parameters. */
export interface Greeting {
  /** Not changed any more. */
  readonly parameters: ReadonlyMap<string, string>;
  /** In place of theirs; undefined: theirs. */
  readonly applicationName?: string | undefined;
}

const APPLICATION_NAME = "application_name";

/**
 * What a direct connection would report to this client, in transaction mode. Settings that a server of this pool
 * has accepted before are not asked again; others take a server now, and its refusal is the client's. Where no server
 * can be had, what was last known is told.
 */
export async function greetingFor(
  pool: Pool,
  settings: SessionSettings,
  /** For a database that nobody has reached yet: the tenant's `default_parameter_status`. */
  defaults: ReadonlyMap<string, string>,
  /** A server with the client's settings. */
  checkOut: () => Promise<Lease>,
): Promise<Greeting> {
  // Any text is accepted as application_name, and nearly every client has another.
  const applicationName = settings.values.get(APPLICATION_NAME);
  const { known } = pool;
  const nothingElse = settings.values.size === (applicationName === undefined ? 0 : 1);
  const parameters =
    nothingElse && known.base !== undefined
      ? known.base
      : await parametersUnder(pool, settings, defaults, checkOut);
  if (applicationName === undefined) return { parameters };
  const version = parameters.get("server_version");
  return { parameters, applicationName: applicationNameAsReported(applicationName, version) };
}

async function parametersUnder(
  pool: Pool,
  settings: SessionSettings,
  defaults: ReadonlyMap<string, string>,
  checkOut: () => Promise<Lease>,
): Promise<ReadonlyMap<string, string>> {
  const { known } = pool;
  const values = new Map(settings.values);
  values.delete(APPLICATION_NAME);
  const key = JSON.stringify([...values].sort());
  let parameters = values.size === 0 ? known.base : known.underSettings(key);
  // It is known already that there is no server: whoever logs in is told with the first query.
  if (parameters === undefined && pool.failure !== undefined && isPassing(pool.failure))
    parameters = lastKnown(known.base, values);
  if (parameters === undefined) {
    try {
      const lease = await checkOut();
      parameters = new Map(lease.server.parameters);
      lease.release({ owed: 0, halfSent: false });
      if (values.size > 0) known.remember(key, parameters);
    } catch (error) {
      // Checked with the first lease instead.
      const instead = isPassing(error) ? lastKnown(known.base ?? nonEmpty(defaults), values) : undefined;
      if (instead === undefined) throw error;
      parameters = instead;
    }
  }
  return parameters;
}

/** What was reported last, with the client's own values in the client's spelling. */
function lastKnown(
  base: ReadonlyMap<string, string> | undefined,
  values: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | undefined {
  if (base === undefined) return undefined;
  return new Map([...base].map(([name, value]) => [name, values.get(name.toLowerCase()) ?? value]));
}

function nonEmpty(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> | undefined {
  return parameters.size === 0 ? undefined : parameters;
}

/** ParameterStatus messages around the one of application_name, in the server's order. */
interface Written {
  readonly before: Buffer;
  readonly after: Buffer;
}

const written = new WeakMap<ReadonlyMap<string, string>, Written>();

/** The ParameterStatus messages of a greeting. Most clients are greeted with the same map: it is written once. */
export function greetingBytes({ parameters, applicationName }: Greeting): readonly Buffer[] {
  let known = written.get(parameters);
  if (known === undefined) {
    known = write(parameters);
    written.set(parameters, known);
  }
  const name = applicationName ?? parameters.get(APPLICATION_NAME);
  return name === undefined
    ? [known.before]
    : [known.before, parameterStatus(APPLICATION_NAME, name), known.after];
}

function write(parameters: ReadonlyMap<string, string>): Written {
  const [before, after]: [Buffer[], Buffer[]] = [[], []];
  let side = before;
  for (const [name, value] of parameters) {
    if (name === APPLICATION_NAME) side = after;
    else side.push(parameterStatus(name, value));
  }
  return { before: Buffer.concat(before), after: Buffer.concat(after) };
}
