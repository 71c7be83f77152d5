import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import pg from "pg";
import { mayCarryPasswords } from "../transport/index.js";
import { checkedAnswers } from "./checked-answers.js";

/** What `pg` keeps to itself of a client's connection. */
interface Inside {
  readonly password: string;
  readonly connection: {
    readonly stream: Socket;
    password(text: string): void;
    attachListeners(stream: EventEmitter): void;
  };
}

/**
 * A client of `pg` for servers that are not trusted. The library would give its password in clear to whoever asks for
 * it, on any connection, and takes whatever comes for the protocol.
 */
export class ManagerClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const { connection } = this as unknown as Inside;
    const attach = connection.attachListeners.bind(connection);
    connection.attachListeners = () => attach(checkedAnswers(connection.stream));
  }

  /** Takes the place of the library's own, by its name. */
  _handleAuthCleartextPassword(): void {
    const { password, connection } = this as unknown as Inside;
    if (mayCarryPasswords(connection.stream)) connection.password(password);
    else
      connection.stream.destroy(
        new Error("the server asks for a cleartext password without verified TLS or loopback"),
      );
  }
}
