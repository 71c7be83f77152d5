import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Logger } from "@sluice/shared/observability";
import {
  AuthProtocolViolation,
  keysFromPassword,
  type MockVerifiers,
  md5ResponseMatches,
  type ScramKeySource,
  ScramServer,
  ServerAuthFailure,
  WrongPassword,
} from "../auth/index.js";
import type { ServerCredentials } from "../server/index.js";
import {
  type FailureBrake,
  type Identity,
  type Tenant,
  type TenantUser,
  TooManyFailedLogins,
} from "../tenants/index.js";
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
import type { ClientInput } from "./client-input.js";
import type { Startup } from "./negotiation.js";

export interface AuthenticationSurroundings {
  readonly verifiers: Verifiers;
  readonly mocks: MockVerifiers;
  readonly brake: FailureBrake;
  readonly logger: Logger;
}

const MD5_SALT_BYTES = 4;

/** By user of a tenant's revision, so that the hashing is done once and not at each login. */
const derived = new WeakMap<TenantUser, ScramKeySource>();

function keysOf(user: TenantUser): ScramKeySource {
  const known = derived.get(user) ?? keysFromPassword(user.password());
  derived.set(user, known);
  return known;
}

/**
 * The client proves who it is. An unknown user goes through the same messages as a known one.
 * @returns what logs in to the server as this user
 * @throws WrongPassword, TooManyFailedLogins, AuthProtocolViolation, AuthQueryFailed, TokenCheckFailed, ClientGone
 */
export async function authenticate(
  startup: Startup,
  identity: Identity,
  around: AuthenticationSurroundings,
): Promise<ServerCredentials> {
  const { tenant, user } = identity;
  const { verifiers, brake, mocks, logger } = around;
  const { group } = startup.address;

  /** Asked again with the answer in hand: many connections may have been let through at once. */
  const check = (): void => {
    if (group !== undefined && brake.blocks(tenant.id, group)) throw new TooManyFailedLogins();
  };
  const refuse = (): never => {
    if (group !== undefined) brake.failed(tenant.id, group);
    verifiers.loginFailed(tenant, user);
    throw new WrongPassword(user);
  };

  if (identity.token) {
    const token = await askToken(startup);
    check();
    const { jitApiUrl } = tenant;
    if (jitApiUrl === undefined || !(await checkToken(jitApiUrl, user, token, startup.address.ip))) refuse();
    startup.socket.write(authenticationOk());
    return { user, scramKeys: keysFromPassword(token), password: () => token };
  }

  const stored = await verifiers.find(tenant, user);
  const sameName = startup.parameters.get("user") === user;
  if (stored?.kind === "md5" && tenant.allowMd5 && sameName) {
    const matches = await exchangeMd5(startup.socket, startup.input, stored.hash, check);
    if (!matches) refuse();
    startup.socket.write(authenticationOk());
    return fromMd5(user, stored.hash);
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
  const final = await exchangeScram(startup.socket, startup.input, scram);
  check();
  const outcome = scram.finish(final);
  if (!outcome.accepted || verifier === undefined) return refuse();
  startup.socket.write(Buffer.concat([authenticationSaslFinal(outcome.serverFinal), authenticationOk()]));

  const configured = tenant.requireUser ? tenant.users.get(user) : undefined;
  if (configured !== undefined) {
    return { user, scramKeys: keysOf(configured), password: configured.password };
  }
  // The database itself holds this verifier, so the ClientKey of this login is as good there as the password.
  const keys = { clientKey: outcome.clientKey, serverKey: verifier.serverKey };
  const own = tenant.users.get(user);
  return { user, scramKeys: () => Promise.resolve(keys), password: own?.password };
}

function seedOf(tenant: Tenant): string | undefined {
  return (tenant.manager ?? tenant.users.values().next().value)?.verifier();
}

/** Up to the client's proof, which is returned unread. */
async function exchangeScram(socket: Socket, input: ClientInput, scram: ScramServer): Promise<string> {
  socket.write(authenticationSasl(scram.mechanisms));
  const first = new BodyReader(await expectPassword(input));
  const mechanism = first.string();
  const length = first.int32();
  if (length !== first.remaining) throw new AuthProtocolViolation("bad length of the initial response");
  const challenge = scram.challenge(mechanism, first.bytes(length).toString("utf8"));
  socket.write(authenticationSaslContinue(challenge));
  return (await expectPassword(input)).toString("utf8");
}

/** Admission has seen to it that this is TLS. */
async function askToken(startup: Startup): Promise<string> {
  startup.socket.write(authenticationCleartext());
  return new BodyReader(await expectPassword(startup.input)).string();
}

async function exchangeMd5(
  socket: Socket,
  input: ClientInput,
  hash: string,
  check: () => void,
): Promise<boolean> {
  const salt = randomBytes(MD5_SALT_BYTES);
  socket.write(authenticationMd5(salt));
  const response = new BodyReader(await expectPassword(input)).string();
  check();
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

async function expectPassword(input: ClientInput): Promise<Buffer> {
  return (await input.message(Frontend.Password)).body;
}
