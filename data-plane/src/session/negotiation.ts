import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import type { CancelKey } from "../cancel/index.js";
import { MalformedMessage, negotiateProtocolVersion } from "../wire/index.js";
import { ClientGone, ClientInput } from "./client-input.js";

export type Negotiated =
  | { readonly kind: "cancel"; readonly key: CancelKey }
  | {
      readonly kind: "startup";
      readonly socket: Socket;
      readonly input: ClientInput;
      readonly parameters: ReadonlyMap<string, string>;
      readonly serverName: string | undefined;
      readonly encrypted: boolean;
    }
  /** Answered in full; only the close is left. */
  | { readonly kind: "done" };

const REFUSED = Buffer.from("N");
const ACCEPTED = Buffer.from("S");
const HTTP_ANSWER = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

/** From the first byte to the StartupMessage. Throws MalformedMessage, ClientGone, TLS errors. */
export async function negotiate(plain: Socket, tls: (() => SecureContext) | undefined): Promise<Negotiated> {
  let socket: Socket = plain;
  let input = new ClientInput(plain);
  let sslAsked = false;
  let gssAsked = false;
  let serverName: string | undefined;
  for (;;) {
    const packet = await input.packet();
    switch (packet.kind) {
      case "http":
        socket.end(HTTP_ANSWER);
        return { kind: "done" };
      case "tls":
        throw new MalformedMessage("direct TLS is not supported");
      case "cancel":
        return { kind: "cancel", key: { pid: packet.pid, secret: packet.secret } };
      case "gssenc":
        if (gssAsked || socket !== plain) throw new MalformedMessage("repeated GSSENCRequest");
        if (input.ahead > 0) throw new MalformedMessage("bytes behind an encryption request");
        gssAsked = true;
        socket.write(REFUSED);
        break;
      case "ssl": {
        if (sslAsked) throw new MalformedMessage("repeated SSLRequest");
        // CVE-2021-3935: somebody in between may have put them there.
        if (input.ahead > 0) throw new MalformedMessage("bytes behind an encryption request");
        sslAsked = true;
        if (tls === undefined) {
          socket.write(REFUSED);
          break;
        }
        input.release();
        plain.write(ACCEPTED);
        const secure = new TLSSocket(plain, {
          isServer: true,
          secureContext: tls(),
          allowHalfOpen: true,
        } as ConstructorParameters<typeof TLSSocket>[1]);
        await secured(secure);
        serverName =
          typeof (secure as { servername?: unknown }).servername === "string"
            ? String((secure as { servername?: unknown }).servername)
            : undefined;
        socket = secure;
        input = new ClientInput(secure);
        break;
      }
      case "startup": {
        const major = packet.version >> 16;
        if (major !== 3)
          throw new MalformedMessage(`unsupported frontend protocol ${major}.${packet.version & 0xffff}`);
        const unknown = [...packet.parameters.keys()].filter((name) => name.startsWith("_pq_."));
        if ((packet.version & 0xffff) > 0 || unknown.length > 0)
          socket.write(negotiateProtocolVersion(0, unknown));
        return {
          kind: "startup",
          socket,
          input,
          parameters: packet.parameters,
          serverName,
          encrypted: socket !== plain,
        };
      }
    }
  }
}

function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("secure", () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(new ClientGone()));
  });
}
