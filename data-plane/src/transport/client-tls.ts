import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { messageOf, SluiceError } from "@sluice/shared/errors";
import type { CertificateFiles } from "./certificate-files.js";
import type { CertificateChoice, CertificateSet } from "./certificate-set.js";
import { readHelloName } from "./client-hello.js";
import { ALPN, PEER_ALPN } from "./tls-rules.js";

/** What a client must prove by a certificate of its own. */
export type ClientCertificateRule = "none" | "verify-ca" | "verify-full";

/** One that holds. */
export interface ClientCertificate {
  /** Undefined: it has none, or several. */
  readonly commonName: string | undefined;
}

/** A connection once its handshake is done. */
export interface SecuredClient {
  readonly socket: TLSSocket;
  /** SNI. */
  readonly serverName: string | undefined;
  /** What was agreed on by ALPN: a client of the protocol, another data plane, or nothing. */
  readonly alpn: "client" | "peer" | undefined;
  /** For SCRAM-SHA-256-PLUS; undefined when the certificate has no such binding. */
  readonly endPoint: Buffer | undefined;
  /** Of the client's certificate, if it showed one of the CA's. */
  readonly certified: ClientCertificate | undefined;
}

/** No text can be sent any more: this is for the log. */
export class HandshakeFailed extends SluiceError {
  constructor(reason: string) {
    super({
      code: "ESSLHANDSHAKE",
      kind: "invalid",
      sqlstate: "08006",
      clientMessage: "(ESSLHANDSHAKE) SSL handshake failed",
      detail: reason,
    });
  }
}

interface Waiting {
  /** Those that were current when the handshake began, and those of them that are shown. */
  readonly certificates: CertificateSet;
  readonly choice: CertificateChoice;
  readonly resolve: (secured: SecuredClient) => void;
  readonly reject: (error: Error) => void;
}

/** TLS towards clients, with the certificates that are current when a client comes. */
export class ClientTls {
  readonly rule: ClientCertificateRule;
  readonly #certificates: CertificateFiles;
  /** By the choice of certificates; as many as there are combinations, whatever clients ask for. */
  #servers = new Map<string, Server>();
  /** By the connection's far end, which is all that Node tells about a finished handshake's origin. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(certificates: CertificateFiles, rule: ClientCertificateRule) {
    this.rule = rule;
    this.#certificates = certificates;
    certificates.onChange(() => {
      this.#servers = new Map();
    });
  }

  /**
   * Runs the handshake; `early` are its first bytes where they have been read already.
   * @throws HandshakeFailed, also when the client goes
   */
  async secure(plain: Socket, early: Buffer): Promise<SecuredClient> {
    const { hello, serverName } = await this.#hello(plain, early);
    const certificates = this.#certificates.current;
    const choice = certificates.choose(serverName);
    const server = this.#serverFor(choice);
    return await new Promise((resolve, reject) => {
      const name = endOf(plain);
      const gone = (): void => {
        if (this.#waiting.get(name) === waiting) this.#waiting.delete(name);
        reject(new HandshakeFailed("the client closed the connection"));
      };
      const done = (secured: SecuredClient): void => {
        plain.off("close", gone);
        resolve(secured);
      };
      const waiting: Waiting = { certificates, choice, resolve: done, reject };
      this.#waiting.set(name, waiting);
      plain.on("close", gone);
      // A client that ends its side in the middle of a handshake is gone: half-open it would be waited for.
      plain.allowHalfOpen = false;
      plain.pause();
      if (hello.length > 0) plain.unshift(hello);
      server.emit("connection", plain);
    });
  }

  /** Reads on until the server name is known, where it matters. */
  async #hello(
    plain: Socket,
    early: Buffer,
  ): Promise<{ readonly hello: Buffer; readonly serverName: string | undefined }> {
    let hello = early;
    while (this.#certificates.current.dependsOnName) {
      const name = readHelloName(hello);
      if (name.kind === "read") return { hello, serverName: name.serverName };
      hello = Buffer.concat([hello, await nextSegment(plain)]);
    }
    return { hello, serverName: undefined };
  }

  #serverFor({ id, options }: CertificateChoice): Server {
    const known = this.#servers.get(id);
    if (known !== undefined) return known;
    // It listens nowhere: connections are handed to it. It is what checks client certificates.
    const server = createServer({
      ...options,
      ALPNProtocols: [ALPN, PEER_ALPN],
      requestCert: this.rule !== "none",
      // A client that fails is told so in words that it can show.
      rejectUnauthorized: false,
    });
    server.on("secureConnection", (socket) => this.#secured(socket));
    server.on("tlsClientError", (error, socket) => {
      this.#take(socket)?.reject(new HandshakeFailed(messageOf(error)));
    });
    this.#servers.set(id, server);
    return server;
  }

  #secured(socket: TLSSocket): void {
    const waiting = this.#take(socket);
    if (waiting === undefined) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = true;
    const { servername } = socket as { servername?: unknown };
    waiting.resolve({
      socket,
      serverName: typeof servername === "string" && servername !== "" ? servername : undefined,
      alpn: agreedOn(socket.alpnProtocol),
      endPoint: bindingOf(socket, waiting),
      certified: socket.authorized ? { commonName: commonNameOf(socket) } : undefined,
    });
  }

  #take(socket: TLSSocket): Waiting | undefined {
    const name = endOf(socket);
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    return waiting;
  }
}

/** Of several certificates it has to be seen which was shown; parsing it costs some 0.2 ms. */
function bindingOf(socket: TLSSocket, { certificates, choice }: Waiting): Buffer | undefined {
  if (choice.only !== undefined) return choice.only.binding;
  const shown = socket.getX509Certificate();
  return shown === undefined ? undefined : certificates.bindingOf(shown.fingerprint256);
}

function agreedOn(protocol: string | false | null): SecuredClient["alpn"] {
  switch (protocol) {
    case ALPN:
      return "client";
    case PEER_ALPN:
      return "peer";
    default:
      return undefined;
  }
}

function nextSegment(plain: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settled = (): void => {
      plain.off("data", received);
      plain.off("end", gone);
      plain.off("close", gone);
    };
    const received = (segment: Buffer): void => {
      plain.pause();
      settled();
      resolve(segment);
    };
    const gone = (): void => {
      settled();
      reject(new HandshakeFailed("the client closed the connection"));
    };
    plain.on("data", received);
    plain.on("end", gone);
    plain.on("close", gone);
    plain.resume();
  });
}

function endOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

/** Two common names could be read in two ways: then there is none. */
function commonNameOf(socket: TLSSocket): string | undefined {
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === "string" ? name : undefined;
}
