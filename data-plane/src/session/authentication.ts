import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { PoolMode } from "@sluice/shared/tenant";
import {
  AuthProtocolViolation,
  type KeyDerivations,
  keysFromPassword,
  type MockVerifiers,
  md5ResponseMatches,
  ScramServer,
  ServerAuthFailure,
  WrongPassword,
} from "../auth/index.js";
import { configuredCredentials, type ServerCredentials } from "../server/index.js";
import {
  type Identity,
  type Tenant,
  TooManyClients,
  TooManyFailedLogins,
  TooManySessionClients,
} from "../tenants/index.js";
import type { DirectSocket } from "../transport/index.js";
import { checkToken, type Verifiers } from "../verifiers/index.js";
import {
  authenticationCleartext,
  authenticationMd5,
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  BodyReader,
  Frontend,
} from "../wire/index.js";
import type { Admissions, Verdict } from "./admissions.js";
import { type ClientInput, MOST_TOKEN_BYTES } from "./client-input.js";
import type { Startup } from "./negotiation.js";

export interface AuthenticationSurroundings {
  readonly verifiers: Verifiers;
  readonly mocks: MockVerifiers;
  readonly derivations: KeyDerivations;
  readonly admissions: Admissions;
  readonly logger: Logger;
}

const MD5_SALT_BYTES = 4;
const OK = authenticationOk();
/** By what is offered. */
const SASL = new Map<readonly string[], Buffer>();

export interface Authenticated {
  /** What logs in to the server as this user. */
  readonly credentials: ServerCredentials;
  /** Whose limit the client counts under, from now until it leaves. */
  readonly countedAs: string | undefined;
}

/**
 * The client proves who it is; `client`: its socket past the stream. An unknown user goes through the same messages as a known one.
 * @throws WrongPassword, TooManyFailedLogins, TooManyClients, AuthProtocolViolation, AuthQueryFailed, TokenCheckFailed,
 *   ClientGone
 */
export async function authenticate(
  startup: Startup,
  client: DirectSocket,
  identity: Identity,
  mode: PoolMode,
  around: AuthenticationSurroundings,
): Promise<Authenticated> {
  const { tenant, user } = identity;
  const { verifiers, admissions, mocks, derivations, logger } = around;
  const { group } = startup.address;

  /** With the answer in hand, and before anything is told: many connections may have been let through at once. */
  const settle = async (accepted: boolean): Promise<string | undefined> => {
    const verdict = await admissions.settle({ tenant: tenant.id, user, group, accepted });
    if (verdict.kind === "welcome") return verdict.countedAs;
    throw refusalOf(verdict, user, mode);
  };

  if (identity.token) {
    const token = await askToken(startup);
    if (group !== undefined && admissions.blocks(tenant.id, group)) throw new TooManyFailedLogins();
    const { jitApiUrl } = tenant;
    const good =
      token !== "" &&
      jitApiUrl !== undefined &&
      (await checkToken(jitApiUrl, user, token, startup.address.ip));
    const countedAs = await settle(good);
    startup.socket.write(OK);
    const scramKeys = keysFromPassword(token, (password, salt, iterations) =>
      derivations.derive(tenant.id, password, salt, iterations),
    );
    return { credentials: { user, scramKeys, password: () => token }, countedAs };
  }

  const stored = await verifiers.find(tenant, user);
  const sameName = startup.parameters.get("user") === user;
  if (stored?.kind === "md5" && tenant.allowMd5 && sameName) {
    const countedAs = await settle(await exchangeMd5(startup.socket, startup.input, stored.hash));
    startup.socket.write(OK);
    return { credentials: fromMd5(user, stored.hash), countedAs };
  }
  // To the stranger the user does not exist.
  if (stored?.kind === "md5") {
    const reason = tenant.allowMd5
      ? "the client's hash is over user.tenant: options=reference or SNI is needed"
      : "allow_md5 is not set";
    logger.warn("a role with an MD5 secret cannot log in", { tenant: tenant.id, user, reason });
  }

  const verifier = stored?.kind === "scram" ? stored.verifier : undefined;
  // Made for everybody, so that it takes everybody's time.
  const mock = mocks.for(tenant.id, user, seedOf(tenant));
  const scram = new ScramServer(verifier ?? mock, verifier === undefined, startup.secured?.endPoint);
  const final = await exchangeScram(client, startup.input, scram);
  const outcome = scram.finish(final);
  const countedAs = await settle(outcome.accepted && verifier !== undefined);
  if (!outcome.accepted || verifier === undefined) throw new WrongPassword(user);
  joined(startup.socket);
  startup.socket.write(Buffer.concat([authenticationSaslFinal(outcome.serverFinal), OK]));

  const configured = configuredCredentials(tenant, user, derivations);
  if (configured !== undefined) return { credentials: configured, countedAs };
  // The database itself holds this verifier, so the ClientKey of this login is as good there as the password.
  const keys = { clientKey: outcome.clientKey, serverKey: verifier.serverKey };
  const own = tenant.users.get(user);
  return {
    credentials: { user, scramKeys: () => Promise.resolve(keys), password: own?.password },
    countedAs,
  };
}

function refusalOf(
  verdict: Exclude<Verdict, { kind: "welcome" }>,
  user: string,
  mode: PoolMode,
): SluiceError {
  switch (verdict.kind) {
    case "wrong":
      return new WrongPassword(user);
    case "braked":
      return new TooManyFailedLogins();
    case "full":
      return tooManyClients(verdict.limit, mode);
    default:
      return verdict satisfies never;
  }
}

export function tooManyClients(limit: number, mode: PoolMode): SluiceError {
  return mode === "session" ? new TooManySessionClients(limit) : new TooManyClients(limit);
}

/** By a tenant's revision: opened once and not at each login. */
const seeds = new WeakMap<Tenant, string>();

function seedOf(tenant: Tenant): string | undefined {
  const seed = seeds.get(tenant) ?? (tenant.manager ?? tenant.users.values().next().value)?.verifier();
  if (seed !== undefined) seeds.set(tenant, seed);
  return seed;
}

/** What is written until this turn ends goes out in one write: the greeting, where no server has to be asked for it. */
function joined(socket: Socket): void {
  socket.cork();
  process.nextTick(() => socket.uncork());
}

/** Up to the client's proof, which is returned unread. */
async function exchangeScram(client: DirectSocket, input: ClientInput, scram: ScramServer): Promise<string> {
  client.write(saslOf(scram.mechanisms));
  const first = new BodyReader(await expectPassword(input));
  const mechanism = first.string();
  const length = first.int32();
  if (length !== first.remaining) throw new AuthProtocolViolation("bad length of the initial response");
  const challenge = scram.challenge(mechanism, first.bytes(length).toString("utf8"));
  client.write(authenticationSaslContinue(challenge));
  return (await expectPassword(input)).toString("utf8");
}

function saslOf(mechanisms: readonly string[]): Buffer {
  const known = SASL.get(mechanisms);
  if (known !== undefined) return known;
  const made = authenticationSasl(mechanisms);
  SASL.set(mechanisms, made);
  return made;
}

/** Admission has seen to it that this is TLS. */
async function askToken(startup: Startup): Promise<string> {
  startup.socket.write(authenticationCleartext());
  const body = await startup.input.message(Frontend.Password, MOST_TOKEN_BYTES);
  return new BodyReader(body).string();
}

async function exchangeMd5(socket: Socket, input: ClientInput, hash: string): Promise<boolean> {
  const salt = randomBytes(MD5_SALT_BYTES);
  socket.write(authenticationMd5(salt));
  const response = new BodyReader(await expectPassword(input)).string();
  return md5ResponseMatches(hash, salt, response);
}

function fromMd5(user: string, hash: string): ServerCredentials {
  return {
    user,
    md5: hash,
    password: undefined,
    scramKeys: () =>
      Promise.reject(new ServerAuthFailure("the server asks for SCRAM, and only an MD5 secret is known")),
  };
}

function expectPassword(input: ClientInput): Promise<Buffer> {
  return input.message(Frontend.Password);
}
