import type { Socket } from "node:net";
import {
  AuthProtocolViolation,
  keysFromPassword,
  type MockVerifiers,
  SCRAM_SHA_256,
  ScramServer,
  WrongPassword,
} from "../auth/index.js";
import type { ServerCredentials } from "../server/index.js";
import type { Identity } from "../tenants/index.js";
import type { Verifiers } from "../verifiers/index.js";
import {
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  BodyReader,
  Frontend,
} from "../wire/index.js";
import type { ClientInput } from "./client-input.js";

/**
 * SCRAM-SHA-256 with the client. An unknown user goes through the same messages as a known one.
 * @returns what logs in to the server as this user
 * @throws WrongPassword, AuthProtocolViolation, AuthQueryFailed, ClientGone
 */
export async function authenticate(
  socket: Socket,
  input: ClientInput,
  identity: Identity,
  verifiers: Verifiers,
  mocks: MockVerifiers,
): Promise<ServerCredentials> {
  const { tenant, user } = identity;
  const verifier = await verifiers.find(tenant, user);
  const scram = new ScramServer(verifier ?? mocks.for(tenant.id, user), verifier === undefined);

  socket.write(authenticationSasl([SCRAM_SHA_256]));
  const first = new BodyReader((await expectPassword(input)).body);
  if (first.string() !== SCRAM_SHA_256) throw new AuthProtocolViolation("mechanism was not offered");
  const length = first.int32();
  if (length !== first.remaining) throw new AuthProtocolViolation("bad length of the initial response");
  socket.write(authenticationSaslContinue(scram.challenge(first.bytes(length).toString("utf8"))));

  const outcome = scram.finish((await expectPassword(input)).body.toString("utf8"));
  if (!outcome.accepted || verifier === undefined) {
    verifiers.loginFailed(tenant, user);
    throw new WrongPassword(user);
  }
  socket.write(Buffer.concat([authenticationSaslFinal(outcome.serverFinal), authenticationOk()]));

  const stored = tenant.requireUser ? tenant.users.get(user) : undefined;
  if (stored !== undefined) {
    return { user, scramKeys: keysFromPassword(stored.password()), password: stored.password };
  }
  // The database itself holds this verifier, so the ClientKey of this login is as good there as the password.
  const keys = { clientKey: outcome.clientKey, serverKey: verifier.serverKey };
  const own = tenant.users.get(user);
  return { user, scramKeys: () => Promise.resolve(keys), password: own?.password };
}

async function expectPassword(input: ClientInput): Promise<{ readonly body: Buffer }> {
  const message = await input.message();
  if (message.type !== Frontend.Password) throw new AuthProtocolViolation("expected a SASL message");
  return message;
}
