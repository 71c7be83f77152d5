import type { Socket } from "node:net";
import type { CancelKey } from "../cancel/index.js";
import {
  type AddressRanges,
  BadProxyHeader,
  type ClientAddress,
  type ClientTls,
  clientAddress,
  HandshakeFailed,
  type SecuredClient,
} from "../transport/index.js";
import {
  BadStartupMessage,
  negotiateProtocolVersion,
  PROTOCOL_3_2,
  UnsupportedProtocol,
} from "../wire/index.js";
import { ClientGone, ClientInput, type FirstPacket } from "./client-input.js";

export type ProxyProtocol = "off" | "optional" | "required";

/** How connections to a listener begin. */
export interface NegotiationRules {
  readonly tls: ClientTls | undefined;
  readonly proxyProtocol: ProxyProtocol;
  /** Balancers: who may send a PROXY header, and whose own address says nothing about the client. */
  readonly trustedBalancers: AddressRanges;
}

/** What the session has to know while it goes on. */
export interface NegotiationEvents {
  /** Throws what refuses it. */
  address(address: ClientAddress): void;
  /** From here to the end of the handshake no text can be sent. */
  handshakeBegins(): void;
  handshakeDone(secured: SecuredClient): void;
}

export interface Startup {
  readonly kind: "startup";
  readonly socket: Socket;
  readonly input: ClientInput;
  /** In force: the lower of the client's and ours. */
  readonly version: number;
  readonly parameters: ReadonlyMap<string, string>;
  readonly address: ClientAddress;
  /** The client's own, where it is known. */
  readonly port: number | undefined;
  readonly secured: SecuredClient | undefined;
}

export interface CancelOrigin {
  readonly address: ClientAddress;
  /** Another data plane passed it on; it goes no further. */
  readonly passedOn: boolean;
}

export type Negotiated =
  | Startup
  | { readonly kind: "cancel"; readonly key: CancelKey; readonly origin: CancelOrigin }
  /** Answered in full; only the close is left. */
  | { readonly kind: "done" };

const REFUSED = Buffer.from("N");
const ACCEPTED = Buffer.from("S");
const HTTP_ANSWER = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

/**
 * From the first byte to the StartupMessage.
 * @throws BadStartupMessage, StartupPacketTooLarge, UnsupportedProtocol, BadProxyHeader, HandshakeFailed, ClientGone
 */
export async function negotiate(
  plain: Socket,
  rules: NegotiationRules,
  events: NegotiationEvents,
): Promise<Negotiated> {
  let socket = plain;
  let input = new ClientInput(plain);
  let secured: SecuredClient | undefined;
  let sslAsked = false;
  let gssAsked = false;
  const { address, port, headerMissing } = await resolveAddress(plain, input, rules);
  events.address(address);

  const encrypt = async (tls: ClientTls, early: Buffer): Promise<SecuredClient> => {
    events.handshakeBegins();
    secured = await tls.secure(plain, early);
    socket = secured.socket;
    input = new ClientInput(socket);
    events.handshakeDone(secured);
    return secured;
  };

  for (;;) {
    const packet = await input.packet();
    if (headerMissing && !mayComeWithoutHeader(packet, secured))
      throw new BadProxyHeader("a PROXY header is required");
    switch (packet.kind) {
      case "http":
        socket.end(HTTP_ANSWER);
        return { kind: "done" };
      case "cancel":
        return {
          kind: "cancel",
          key: { pid: packet.pid, secret: packet.secret },
          origin: { address, passedOn: secured?.alpn === "peer" },
        };
      case "tls": {
        if (sslAsked || gssAsked) throw new BadStartupMessage("TLS where a startup packet was due");
        if (rules.tls === undefined) throw new HandshakeFailed("direct TLS without a certificate of ours");
        sslAsked = true;
        const { alpn } = await encrypt(rules.tls, input.release());
        // Without it another protocol's client could be tricked into speaking to us (ALPACA).
        if (alpn === undefined) throw new HandshakeFailed("direct TLS without ALPN");
        break;
      }
      case "gssenc":
        if (gssAsked || secured !== undefined) throw new BadStartupMessage("repeated GSSENCRequest");
        if (input.ahead > 0) throw new BadStartupMessage("bytes behind an encryption request");
        gssAsked = true;
        socket.write(REFUSED);
        break;
      case "ssl": {
        if (sslAsked) throw new BadStartupMessage("repeated SSLRequest");
        // CVE-2021-3935, CVE-2021-23222: somebody in between may have put them there.
        if (input.ahead > 0) throw new BadStartupMessage("bytes behind an encryption request");
        sslAsked = true;
        if (rules.tls === undefined) {
          socket.write(REFUSED);
          break;
        }
        input.release();
        plain.write(ACCEPTED);
        await encrypt(rules.tls, Buffer.alloc(0));
        break;
      }
      case "startup": {
        if (secured?.alpn === "peer") throw new BadStartupMessage("a peer sends cancel requests only");
        const version = agreeOn(packet.version, packet.parameters, socket);
        const { parameters } = packet;
        return { kind: "startup", socket, input, version, parameters, address, port, secured };
      }
    }
  }
}

/** A balancer's probe, and another data plane that passes a cancel request on: straight, and over TLS. */
function mayComeWithoutHeader(packet: FirstPacket, secured: SecuredClient | undefined): boolean {
  if (packet.kind === "http") return true;
  return secured === undefined ? packet.kind === "tls" : packet.kind === "cancel" && secured.alpn === "peer";
}

/** As PostgreSQL 18: a newer minor version and unknown options of the protocol are answered with what there is. */
function agreeOn(asked: number, parameters: ReadonlyMap<string, string>, socket: Socket): number {
  if (asked >>> 16 !== 3) throw new UnsupportedProtocol(asked);
  const version = Math.min(asked, PROTOCOL_3_2);
  const unknown = [...parameters.keys()].filter((name) => name.startsWith("_pq_."));
  if (asked > PROTOCOL_3_2 || unknown.length > 0) socket.write(negotiateProtocolVersion(version, unknown));
  return version;
}

async function resolveAddress(
  plain: Socket,
  input: ClientInput,
  rules: NegotiationRules,
): Promise<{
  readonly address: ClientAddress;
  readonly port?: number | undefined;
  readonly headerMissing: boolean;
}> {
  const peer = clientAddress(plain.remoteAddress);
  if (peer === undefined) throw new ClientGone();
  const trusted = rules.trustedBalancers.includes(peer.ip);
  // Behind a balancer everybody has its address.
  const unknown = { ip: peer.ip, group: undefined };
  const own = { address: trusted ? unknown : peer, port: trusted ? undefined : plain.remotePort };
  if (rules.proxyProtocol === "off") return { address: own.address, port: own.port, headerMissing: false };
  const required = rules.proxyProtocol === "required";
  const header = await input.proxyHeader();
  if (header.kind === "none") return { ...own, headerMissing: required };
  if (!trusted) throw new BadProxyHeader("a PROXY header from an address that is not trusted");
  if (header.source === undefined) return { address: unknown, headerMissing: false };
  const address = clientAddress(header.source);
  if (address === undefined) throw new BadProxyHeader("a PROXY header without an address");
  return { address, port: header.port, headerMissing: false };
}
