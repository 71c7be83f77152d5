import { AuthProtocolViolation, type MockVerifiers, ScramServer, WrongPassword } from "../auth/index.js";
import type { Startup } from "../session/index.js";
import { type FailureBrake, TooManyFailedLogins } from "../tenants/index.js";
import {
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  BadStartupMessage,
  BodyReader,
  Frontend,
} from "../wire/index.js";
import type { ConsoleUser } from "./console-users.js";

export interface ConsoleLogins {
  readonly users: readonly ConsoleUser[];
  readonly mocks: MockVerifiers;
  readonly brake: FailureBrake;
}

/** Where wrong passwords are counted, by address. */
const PLACE = "console";

/**
 * SCRAM-SHA-256, with channel binding over TLS. Who is not there cannot be told from who has another password.
 * @throws WrongPassword, TooManyFailedLogins, AuthProtocolViolation, BadStartupMessage, ClientGone
 */
export async function logIntoConsole(startup: Startup, logins: ConsoleLogins): Promise<ConsoleUser> {
  const { socket, input, address, secured } = startup;
  const name = startup.parameters.get("user");
  if (!name) throw new BadStartupMessage("no user name");
  const { group } = address;
  const blocked = (): boolean => group !== undefined && logins.brake.blocks(PLACE, group);
  if (blocked()) throw new TooManyFailedLogins();

  const user = logins.users.find((known) => known.name === name);
  const mock = logins.mocks.for(PLACE, name, undefined);
  const scram = new ScramServer((await user?.verifier()) ?? mock, user === undefined, secured?.endPoint);
  socket.write(authenticationSasl(scram.mechanisms));
  const first = new BodyReader(await input.message(Frontend.Password));
  const mechanism = first.string();
  const length = first.int32();
  if (length !== first.remaining) throw new AuthProtocolViolation("bad length of the initial response");
  socket.write(authenticationSaslContinue(scram.challenge(mechanism, first.bytes(length).toString("utf8"))));
  const final = (await input.message(Frontend.Password)).toString("utf8");
  if (blocked()) throw new TooManyFailedLogins();
  const outcome = scram.finish(final);
  if (!outcome.accepted || user === undefined) {
    if (group !== undefined) logins.brake.failed(PLACE, group);
    throw new WrongPassword(name);
  }
  socket.write(Buffer.concat([authenticationSaslFinal(outcome.serverFinal), authenticationOk()]));
  return user;
}
