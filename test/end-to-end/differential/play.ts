import { setImmediate } from "node:timers/promises";
import { messageOf } from "@sluice/shared/errors";
import { type RawMessage, splitMessage, startup, TERMINATE } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { type Exchange, exchangeOf, type Script } from "./script.js";
import { lineOf } from "./transcript.js";

/** Where a script is played. */
export interface Address {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface PlayOptions {
  /** Cuts what is sent into pieces of these many bytes, in turn. */
  readonly pieces?: readonly number[];
  /** Between exchanges, while no client of the script should have a server. */
  readonly between?: () => Promise<void>;
}

const IDLE = "I".charCodeAt(0);
/** Pieces beyond are sent whole: a large text would take for ever. */
const MOST_PIECES = 300;

interface Player {
  readonly client: RawClient;
  idle: boolean;
  ended: boolean;
}

/** The login has failed, which the lines tell. */
class Refused extends Error {}

/** Plays a script from login to the last byte. What each client was told, line by line, in the order of the script. */
export async function play(
  script: Script,
  address: Address,
  { pieces, between }: PlayOptions = {},
): Promise<readonly string[]> {
  const lines: string[] = [];
  const players = new Map<string, Player>();
  const say = (name: string, line: string): void => {
    lines.push(`${name} ${line}`);
  };

  const arrive = async (name: string): Promise<Player> => {
    const client = await RawClient.connect(address.port);
    const player: Player = { client, idle: true, ended: false };
    players.set(name, player);
    client.send(startup({ user: address.user, database: address.database, ...script.startup }));
    await client.authenticate(address);
    await greet(name, player);
    return player;
  };

  /** The order of ParameterStatus has no meaning; the key for cancelling is another each time. */
  const greet = async (name: string, player: Player): Promise<void> => {
    const parameters: string[] = [];
    for (;;) {
      const message = await player.client.message();
      if (message.type === "S") parameters.push(lineOf(message));
      else if (message.type === "Z") break;
      else if (message.type !== "K") say(name, lineOf(message));
      if (message.type === "E") {
        await farewell(name, player);
        throw new Refused();
      }
    }
    for (const parameter of parameters.sort()) say(name, parameter);
  };

  const heard = (name: string, player: Player, message: RawMessage): void => {
    say(name, lineOf(message));
    if (message.type === "Z") player.idle = message.body[0] === IDLE;
  };

  const farewell = async (name: string, player: Player): Promise<void> => {
    player.ended = true;
    player.idle = true;
    let held = await player.client.rest();
    for (let split = splitMessage(held); split !== undefined; split = splitMessage(held)) {
      heard(name, player, split.message);
      held = split.rest;
    }
    say(name, held.length === 0 ? "closed" : `closed after ${held.toString("hex")}`);
  };

  const exchange = async ({ client: name, bytes, until, half }: Exchange): Promise<void> => {
    const player = players.get(name) ?? (await arrive(name));
    if (bytes.length > 0) {
      player.idle = false;
      await send(player.client, Buffer.concat(bytes), pieces);
    }
    if (half) player.client.socket.end();
    if (until === "sent") return;
    if (until === "closed") {
      await farewell(name, player);
      return;
    }
    let left = "ready" in until ? until.ready : 1;
    while (left > 0) {
      const message = await player.client.message();
      heard(name, player, message);
      if (message.type === ("ready" in until ? "Z" : until.type)) left -= 1;
    }
  };

  try {
    for (const step of script.steps) {
      const current = exchangeOf(step);
      await exchange(current);
      const free = !current.held && script.pins !== true && [...players.values()].every(({ idle }) => idle);
      if (free) await between?.();
    }
    for (const [name, player] of players) {
      if (player.ended) continue;
      await exchange({ ...exchangeOf("select 'the end' as last"), client: name });
      player.client.send(TERMINATE);
      await farewell(name, player);
    }
  } catch (error) {
    if (!(error instanceof Refused)) lines.push(`broken: ${messageOf(error)}`);
  } finally {
    for (const { client } of players.values()) client.close();
  }
  return lines;
}

async function send(client: RawClient, bytes: Buffer, pieces: readonly number[] | undefined): Promise<void> {
  let at = 0;
  for (let n = 0; pieces !== undefined && n < MOST_PIECES && at < bytes.length; n++) {
    const end = at + (pieces[n % pieces.length] ?? 1);
    client.send(bytes.subarray(at, end));
    at = end;
    // So that each piece is a segment of its own, as far as the kernel allows.
    await setImmediate();
  }
  if (at < bytes.length) client.send(bytes.subarray(at));
}
