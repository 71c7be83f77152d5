import { mkdtempSync, rmSync } from "node:fs";
import { createSecureServer, createServer, type Http2Server } from "node:http2";
import { join } from "node:path";
import { makeCertificate, type OwnCertificate } from "./certificate.js";
import { type GrpcMethods, GrpcServer } from "./grpc-server.js";

export interface PluginServerOptions {
  readonly methods: GrpcMethods;
  /** Where the socket's folder is made. */
  readonly folder: string;
  /** Terraform's certificate in PEM: both sides then prove who they are. Undefined: plain, for reattaching. */
  readonly clientCertificate?: string | undefined;
}

/** The provider on a Unix socket that only this account can enter. */
export class PluginServer {
  readonly socket: string;
  readonly certificate: OwnCertificate | undefined;
  readonly grpc: GrpcServer;
  readonly #server: Http2Server;
  readonly #folder: string;

  private constructor(
    server: Http2Server,
    grpc: GrpcServer,
    folder: string,
    socket: string,
    certificate: OwnCertificate | undefined,
  ) {
    this.#server = server;
    this.#folder = folder;
    this.grpc = grpc;
    this.socket = socket;
    this.certificate = certificate;
  }

  static async listen({
    methods,
    folder: parent,
    clientCertificate,
  }: PluginServerOptions): Promise<PluginServer> {
    const certificate = clientCertificate === undefined ? undefined : makeCertificate();
    const settings = { initialWindowSize: 4 * 1024 * 1024, maxConcurrentStreams: 1000 };
    const server =
      certificate === undefined
        ? createServer({ settings })
        : createSecureServer({
            settings,
            key: certificate.key,
            cert: certificate.certificate,
            ca: clientCertificate,
            requestCert: true,
            rejectUnauthorized: true,
            minVersion: "TLSv1.2",
          });
    const grpc = new GrpcServer(server as Http2Server, methods);
    const folder = mkdtempSync(join(parent, "sluice-"));
    const socket = join(folder, "plugin.sock");
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socket, resolve);
    });
    return new PluginServer(server as Http2Server, grpc, folder, socket, certificate);
  }

  /** Takes no more connections and removes the socket. Calls under way go on. */
  close(): void {
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
