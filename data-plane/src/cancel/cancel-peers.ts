import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { checkServerIdentity, connect } from "node:tls";
import { messageOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline, type Timer, within } from "@sluice/shared/time";
import { PEER_ALPN } from "../transport/index.js";
import { cancelRequest } from "../wire/index.js";
import type { CancelKey } from "./cancel-keys.js";

export interface CancelPeersOptions {
  /** `host:port` of other data planes' client ports; a name may have many addresses. */
  readonly peers: readonly string[];
  /** PEM; undefined: the system's roots. */
  readonly ca: string | undefined;
  /** Whom their certificates must name; undefined: the host of `peers`. */
  readonly serverName: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Peer {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
}

const LOOK_UP_INTERVAL_MS = 30_000;
const SEND_TIMEOUT_MS = 5000;
/** A peer's answer to whoever it knows as a peer: whether the key was one of its own. */
export const KEY_FOUND = Buffer.from("Y");
export const KEY_UNKNOWN = Buffer.from("N");
/** Requests that are on their way to peers; more than these are a flood. */
const MOST_UNDER_WAY = 200;

/** `nobody`: all peers have said so. `unknown`: not all could be asked. */
export type PeersAnswer = "found" | "nobody" | "unknown";

/**
 * Other data planes behind the same address: a cancel request reaches any of them, and goes on to all others, by TLS.
 * They tell by ALPN that it was passed on, and pass it no further.
 */
export class CancelPeers {
  readonly #options: CancelPeersOptions;
  #found: readonly Peer[] = [];
  #underWay = 0;
  #timer: Timer | undefined;

  constructor(options: CancelPeersOptions) {
    this.#options = options;
  }

  /** Whether an address is a peer's, as last looked up. */
  knows(ip: string): boolean {
    return this.#found.some((peer) => peer.ip === ip);
  }

  /** Looks the peers' names up now and again, until `stop`. */
  async watch(): Promise<void> {
    const { peers, clock, logger } = this.#options;
    if (peers.length === 0) return;
    const found = await Promise.all(
      peers.map(async (name) => {
        try {
          return await addressesOf(name);
        } catch (error) {
          logger.warn("a cancel peer was not found", { peer: name, reason: messageOf(error) });
          return [];
        }
      }),
    );
    this.#found = found.flat();
    this.#timer = clock.schedule(LOOK_UP_INTERVAL_MS, () => {
      this.watch().catch((error: unknown) => logger.warn("looking up cancel peers failed", { error }));
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** To every peer; whichever has the session acts. Never throws. */
  async forward(key: CancelKey): Promise<PeersAnswer> {
    if (this.#underWay >= MOST_UNDER_WAY || this.#found.length === 0) return "unknown";
    this.#underWay += 1;
    try {
      const answers = await Promise.all(this.#found.map((peer) => this.#send(peer, key)));
      if (answers.some((answer) => answer?.equals(KEY_FOUND))) return "found";
      return answers.every((answer) => answer?.equals(KEY_UNKNOWN)) ? "nobody" : "unknown";
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Its answer; undefined when it did not give one. */
  async #send({ host, ip, port }: Peer, key: CancelKey): Promise<Buffer | undefined> {
    const { ca, serverName = host, clock, logger } = this.#options;
    const socket = connect({
      host: ip,
      port,
      // An address is no server name (RFC 6066).
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ALPNProtocols: [PEER_ALPN],
      checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
      ...(ca === undefined ? {} : { ca }),
    });
    const answered = new Promise<Buffer | undefined>((resolve, reject) => {
      socket.once("secureConnect", () => socket.end(cancelRequest(key.pid, key.secret)));
      socket.once("error", reject);
      socket.once("data", resolve);
      socket.once("close", () => resolve(undefined));
    });
    try {
      return await within(Deadline.after(clock, SEND_TIMEOUT_MS), "cancel to a peer", answered);
    } catch (error) {
      logger.warn("a cancel request did not reach a peer", {
        peer: `${host} ${ip}:${port}`,
        reason: messageOf(error),
      });
      return undefined;
    } finally {
      socket.destroy();
    }
  }
}

async function addressesOf(name: string): Promise<Peer[]> {
  const colon = name.lastIndexOf(":");
  const host = name.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => ({ host, ip: address, port: Number(name.slice(colon + 1)) }));
}
