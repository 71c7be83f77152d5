import {
  cstring,
  GSSENC_REQUEST,
  int32,
  message,
  PROTOCOL_3_0,
  PROTOCOL_3_2,
  packet,
  query,
  SSL_REQUEST,
  startup,
  TERMINATE,
} from "../../support/protocol.js";
import { saslInitial } from "../../support/raw-client.js";
import type { LoginClient } from "./login-client.js";

export const PASSWORD = "a right password";
/** With a soft hyphen, which SASLprep takes away, and a ligature, which it takes apart. */
export const UNICODE_PASSWORD = "pass\u00adwort \ufb01n";

/** How they log in is in the names: pg_hba.conf goes by them. */
export const ROLES = {
  scram: `LOGIN PASSWORD '${PASSWORD}'`,
  other_iterations: `LOGIN PASSWORD '${PASSWORD}'`,
  unicode: `LOGIN PASSWORD '${UNICODE_PASSWORD}'`,
  passwordless: "LOGIN",
  expired: `LOGIN PASSWORD '${PASSWORD}' VALID UNTIL '2020-01-01'`,
  no_login: `NOLOGIN PASSWORD '${PASSWORD}'`,
  md5_role: `LOGIN PASSWORD '${PASSWORD}'`,
  clear_role: `LOGIN PASSWORD '${PASSWORD}'`,
  "with.dots": `LOGIN PASSWORD '${PASSWORD}'`,
} as const;

export interface LoginScript {
  /** Default: both. */
  readonly over?: "tls" | "plain";
  /** It makes its own way to TLS, or none: the client is not encrypted when it begins. */
  readonly fromScratch?: true;
  /** To a tenant with `use_jit`: its users are asked for a token in clear. */
  readonly token?: true;
  readonly play: (client: LoginClient) => Promise<void>;
}

const proofOf = (bytes: number) => (final: string) =>
  final.replace(/,p=.*$/, `,p=${Buffer.alloc(bytes).toString("base64")}`);

const withScram = (
  role: string,
  password: string,
  steps?: Parameters<LoginClient["scram"]>[1],
): LoginScript => ({
  play: async (client) => {
    client.startup(role);
    await client.scram(password, steps);
    await client.rest();
  },
});

/** Sends bytes and looks at what comes before the connection ends. */
const refused = (...bytes: readonly Buffer[]): LoginScript => ({
  play: async (client) => {
    client.send(...bytes);
    await client.closed();
  },
});

/** In place of the first SASL message. */
const insteadOfPassword = (...bytes: readonly Buffer[]): LoginScript => ({
  play: async (client) => {
    client.startup("scram");
    await client.asked();
    client.send(...bytes);
    await client.closed();
  },
});

const named = (user: string): Buffer =>
  Buffer.concat([cstring("user"), cstring(user), cstring("database"), cstring("postgres")]);

export const SCRIPTS: Readonly<Record<string, LoginScript>> = {
  "SCRAM: the right password": withScram("scram", PASSWORD),
  "SCRAM: a wrong password": withScram("scram", "wrong"),
  "SCRAM: an empty password": withScram("scram", ""),
  "SCRAM: an unknown user": withScram("nobody", PASSWORD),
  "SCRAM: a verifier of other iterations": withScram("other_iterations", PASSWORD),
  "SCRAM: a password that SASLprep changes": withScram("unicode", "passwort fin"),
  "SCRAM: a user name with dots": withScram("with.dots", PASSWORD),
  "SCRAM: a role without a password": withScram("passwordless", PASSWORD),
  "SCRAM: a role that has expired": withScram("expired", PASSWORD),
  "SCRAM: a role that may not log in": withScram("no_login", PASSWORD),
  "SCRAM: a role that may not log in, with a wrong password": withScram("no_login", "wrong"),
  "SCRAM: a nonce that is not ours": withScram("scram", PASSWORD, {
    changeFinal: (final) => final.replace(",r=", ",r=x"),
  }),
  "SCRAM: a proof of 31 bytes": withScram("scram", PASSWORD, { changeFinal: proofOf(31) }),
  "SCRAM: a proof that is no base64": withScram("scram", PASSWORD, {
    changeFinal: (final) => final.replace(/,p=.*$/, ",p=%%%"),
  }),
  "SCRAM: no proof": withScram("scram", PASSWORD, { changeFinal: (final) => final.replace(/,p=.*$/, "") }),
  "SCRAM: an empty final message": withScram("scram", PASSWORD, { changeFinal: () => "" }),
  "SCRAM: a binding that was not agreed on": withScram("scram", PASSWORD, {
    changeFinal: (final) => final.replace("c=biws", "c=eSws"),
  }),
  "SCRAM: the flag y, in clear": { over: "plain", ...withScram("scram", PASSWORD, { gs2: "y,," }) },
  "SCRAM: the flag y, where -PLUS was offered": {
    over: "tls",
    ...withScram("scram", PASSWORD, { gs2: "y,," }),
  },
  "SCRAM: an authorization identity": withScram("scram", PASSWORD, { gs2: "n,a=other," }),
  "SCRAM: a flag that is none": withScram("scram", PASSWORD, { gs2: "x,," }),

  "SCRAM-PLUS: the right password": { over: "tls", ...withScram("scram", PASSWORD, { plus: true }) },
  "SCRAM-PLUS: a wrong password": { over: "tls", ...withScram("scram", "wrong", { plus: true }) },
  "SCRAM-PLUS: an unknown user": { over: "tls", ...withScram("nobody", PASSWORD, { plus: true }) },
  "SCRAM-PLUS: another certificate's binding": {
    over: "tls",
    ...withScram("scram", PASSWORD, { plus: true, binding: Buffer.alloc(32, 1) }),
  },
  "SCRAM-PLUS: no binding": { over: "tls", ...withScram("scram", PASSWORD, { plus: true, gs2: "n,," }) },
  "SCRAM-PLUS: tls-unique": {
    over: "tls",
    ...withScram("scram", PASSWORD, { plus: true, gs2: "p=tls-unique,," }),
  },
  "SCRAM-PLUS: not offered in clear": {
    over: "plain",
    ...withScram("scram", PASSWORD, { mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-server-end-point,," }),
  },

  "MD5: the right password": {
    play: async (client) => {
      client.startup("md5_role");
      await client.md5("md5_role", PASSWORD);
      await client.rest();
    },
  },
  "MD5: a wrong password": {
    play: async (client) => {
      client.startup("md5_role");
      await client.md5("md5_role", "wrong");
      await client.rest();
    },
  },
  "MD5: the password in clear": {
    play: async (client) => {
      client.startup("md5_role");
      await client.password(PASSWORD);
      await client.rest();
    },
  },
  "MD5: an empty answer": {
    play: async (client) => {
      client.startup("md5_role");
      await client.password("");
      await client.rest();
    },
  },
  "cleartext: the right password": {
    over: "tls",
    token: true,
    play: async (client) => {
      client.startup("clear_role");
      await client.password(PASSWORD);
      await client.rest();
    },
  },
  "cleartext: a wrong password": {
    over: "tls",
    token: true,
    play: async (client) => {
      client.startup("clear_role");
      await client.password("wrong");
      await client.rest();
    },
  },
  "cleartext: an empty password": {
    over: "tls",
    token: true,
    play: async (client) => {
      client.startup("clear_role");
      await client.password("");
      await client.rest();
    },
  },
  "cleartext: a message without an end": {
    over: "tls",
    token: true,
    play: async (client) => {
      client.startup("clear_role");
      await client.asked();
      client.send(message("p", Buffer.from(PASSWORD)));
      await client.rest();
    },
  },

  "instead of a password: a query": insteadOfPassword(query("select 1")),
  "instead of a password: another startup packet": insteadOfPassword(startup({ user: "scram" })),
  "instead of a password: an empty message": insteadOfPassword(message("p")),
  "instead of a password: Terminate": insteadOfPassword(TERMINATE),
  "instead of a password: a mechanism that was not offered": insteadOfPassword(
    saslInitial("SCRAM-SHA-1", "n,,n=,r=abc"),
  ),
  "instead of a password: a message of 2 GB": insteadOfPassword(
    message("p", Buffer.from("SCRAM-SHA-256\0"), 0x7fff_ffff),
  ),
  "instead of a password: a length below 4": insteadOfPassword(message("p", Buffer.alloc(0), 3)),
  "instead of a password: a response longer than its message": insteadOfPassword(
    saslInitial("SCRAM-SHA-256", "n,,n=,r=abc", 0x7fff_ffff),
  ),
  "instead of a password: no nonce": insteadOfPassword(saslInitial("SCRAM-SHA-256", "n,,n=")),
  "instead of a password: a mandatory extension": insteadOfPassword(
    saslInitial("SCRAM-SHA-256", "n,,m=x,n=,r=abc"),
  ),
  "instead of a password: the end": {
    play: async (client) => {
      client.startup("scram");
      await client.asked();
      client.raw.socket.end();
      await client.closed();
    },
  },

  "startup: a database that there is not": {
    play: async (client) => {
      client.startup("scram", { database: "no such database" });
      await client.scram(PASSWORD);
      await client.rest();
    },
  },
  "startup: a database that there is not, with a wrong password": {
    play: async (client) => {
      client.startup("scram", { database: "no such database" });
      await client.scram("wrong");
      await client.rest();
    },
  },
  "startup: settings": {
    play: async (client) => {
      client.startup("scram", {
        application_name: "side by side",
        TimeZone: "Europe/Vienna",
        DateStyle: "German",
        client_encoding: "LATIN1",
      });
      await client.scram(PASSWORD);
      await client.rest();
    },
  },
  "startup: a setting that there is not": {
    play: async (client) => {
      client.startup("scram", { no_such_setting: "1" });
      await client.scram(PASSWORD);
      await client.rest();
    },
  },
  "startup: protocol 3.1": {
    play: async (client) => {
      client.startup("scram", {}, 0x0003_0001);
      await client.scram(PASSWORD);
      await client.rest();
    },
  },
  "startup: protocol 3.2": {
    play: async (client) => {
      client.startup("scram", {}, PROTOCOL_3_2);
      await client.scram(PASSWORD);
      await client.rest();
    },
  },
  "startup: protocol 3.9999, and options of the protocol": {
    play: async (client) => {
      client.startup("scram", { "_pq_.a": "1", "_pq_.b": "" }, 0x0003_270f);
      await client.scram(PASSWORD);
      await client.rest();
    },
  },
  "startup: protocol 2.0": refused(packet(0x0002_0000, Buffer.concat([named("scram"), Buffer.of(0)]))),
  "startup: protocol 4.0": refused(packet(0x0004_0000, Buffer.concat([named("scram"), Buffer.of(0)]))),
  "startup: protocol 0.0": refused(packet(0, Buffer.concat([named("scram"), Buffer.of(0)]))),
  "startup: no terminator": refused(packet(PROTOCOL_3_0, named("scram"))),
  "startup: bytes behind the terminator": refused(
    packet(PROTOCOL_3_0, Buffer.concat([named("scram"), Buffer.from("\0x")])),
  ),
  "startup: a name without a value": refused(packet(PROTOCOL_3_0, Buffer.from("user\0a"))),
  "startup: no parameters": refused(packet(PROTOCOL_3_0, Buffer.of(0))),
  "startup: nothing": refused(packet(PROTOCOL_3_0)),
  "startup: no user": refused(startup({ database: "postgres" })),
  "startup: an empty user": refused(startup({ user: "", database: "postgres" })),
  "startup: a length of 0": refused(int32(0), int32(PROTOCOL_3_0)),
  "startup: a length of 3": refused(int32(3), int32(PROTOCOL_3_0)),
  "startup: a length of 7": refused(int32(7), int32(PROTOCOL_3_0)),
  "startup: a length of 2 GB": refused(int32(0x7fff_ffff), int32(PROTOCOL_3_0)),
  "startup: a length below 0": refused(int32(-1), int32(PROTOCOL_3_0)),
  "startup: a password first": refused(message("p", cstring(PASSWORD))),
  "startup: a query first": refused(query("select 1")),
  "startup: half of it, then the end": {
    play: async (client) => {
      client.send(startup({ user: "scram" }).subarray(0, 12));
      client.raw.socket.end();
      await client.closed();
    },
  },
  "startup: the end": {
    play: async (client) => {
      client.raw.socket.end();
      await client.closed();
    },
  },

  "encryption: asked for, and its end": {
    fromScratch: true,
    play: async (client) => {
      client.send(SSL_REQUEST);
      await client.byte();
      client.raw.socket.end();
      await client.closed();
    },
  },
  "encryption: GSS, then TLS": {
    fromScratch: true,
    play: async (client) => {
      client.send(GSSENC_REQUEST);
      await client.byte();
      client.send(SSL_REQUEST);
      if ((await client.byte()) === "S") await client.raw.startTls();
      client.startup("scram");
      await client.scram(PASSWORD);
      await client.rest();
    },
  },
  "encryption: GSS twice": {
    fromScratch: true,
    play: async (client) => {
      for (let time = 0; time < 2; time++) {
        client.send(GSSENC_REQUEST);
        if (time === 0) await client.byte();
      }
      await client.closed();
    },
  },
  "encryption: TLS refused, then asked for again": {
    over: "plain",
    fromScratch: true,
    play: async (client) => {
      client.send(SSL_REQUEST);
      await client.byte();
      client.send(SSL_REQUEST);
      await client.closed();
    },
  },
  "encryption: TLS inside TLS": {
    over: "tls",
    play: async (client) => {
      client.send(SSL_REQUEST);
      await client.closed();
    },
  },
  "encryption: GSS inside TLS": {
    over: "tls",
    play: async (client) => {
      client.send(GSSENC_REQUEST);
      await client.closed();
    },
  },
  "encryption: bytes behind the request for TLS": {
    over: "tls",
    fromScratch: true,
    play: async (client) => {
      client.send(SSL_REQUEST, startup({ user: "scram" }));
      await client.closed();
    },
  },
  "encryption: bytes behind the request for TLS, of which there is none": {
    over: "plain",
    fromScratch: true,
    play: async (client) => {
      client.send(SSL_REQUEST, startup({ user: "scram" }));
      await client.closed();
    },
  },
  "encryption: bytes behind the request for GSS": {
    fromScratch: true,
    play: async (client) => {
      client.send(GSSENC_REQUEST, startup({ user: "scram" }));
      await client.closed();
    },
  },
  "encryption: direct, with ALPN": {
    over: "tls",
    fromScratch: true,
    play: async (client) => {
      await client.raw.startTls({ ALPNProtocols: ["postgresql"] });
      client.startup("scram");
      await client.scram(PASSWORD, { plus: true });
      await client.rest();
    },
  },
  "encryption: direct, without ALPN": {
    over: "tls",
    fromScratch: true,
    play: async (client) => {
      await client.raw.startTls();
      client.startup("scram");
      await client.closed();
    },
  },
};
