import { TLSSocket } from "node:tls";
import { type Deadline, DeadlinePassed, within } from "@sluice/shared/time";
import {
  md5Response,
  md5Secret,
  ScramClient,
  type ScramKeySource,
  ServerAuthFailure,
} from "../auth/index.js";
import {
  endPointBinding,
  mayCarryPasswords,
  type ServerSocket,
  UpstreamUnreachable,
} from "../transport/index.js";
import {
  Backend,
  BodyReader,
  decodeErrorFields,
  type Frame,
  FrameReader,
  MalformedMessage,
  passwordMessage,
  saslInitialResponse,
  saslResponse,
  startupMessage,
} from "../wire/index.js";
import { ReportedParameters } from "./reported-parameters.js";
import { ServerError, ServerGone } from "./server-error.js";

/** What a role logs in with: keys for any salt, and the password itself where it is known. */
export interface ServerCredentials {
  readonly user: string;
  readonly scramKeys: ScramKeySource;
  readonly password: (() => string) | undefined;
  /** `md5...` as the server stores it, where the role has no other secret. */
  readonly md5?: string;
}

export interface ServerGreeting {
  readonly pid: number;
  readonly secret: Buffer;
  readonly parameters: ReportedParameters;
}

const MOST_LOGIN_MESSAGE_BYTES = 64 * 1024;
/** Of all that a server says until it is ready, notices among it. */
const MOST_LOGIN_BYTES = 1024 * 1024;
/** Each takes a turn of the microtask queue, in which nobody else is served. */
const MOST_LOGIN_MESSAGES = 1000;
/** Bytes that wait for us: while a password is hashed no more than that is read. */
const MOST_AHEAD_BYTES = 64 * 1024;

/**
 * Logs in on a connected socket, up to the first ReadyForQuery.
 * @throws ServerError (what the server said), ServerAuthFailure, ServerGone, UpstreamUnreachable (deadline)
 */
export async function logIn(
  socket: ServerSocket,
  credentials: ServerCredentials,
  database: string,
  deadline: Deadline,
  /** More for the startup packet. */
  parameters: ReadonlyMap<string, string> = new Map(),
): Promise<ServerGreeting> {
  const conversation = new Conversation(socket);
  try {
    return await within(
      deadline,
      "login",
      converse(
        socket,
        conversation,
        credentials,
        // What a client names among its own parameters is not who logs in.
        new Map([...parameters, ["user", credentials.user], ["database", database]]),
      ),
    );
  } catch (error) {
    if (error instanceof DeadlinePassed)
      throw new UpstreamUnreachable("authentication timeout", undefined, error, true);
    // It is not the client that does not speak the protocol.
    if (error instanceof MalformedMessage)
      throw new ServerAuthFailure(`no message of the protocol: ${error.what}`);
    throw error;
  } finally {
    conversation.end();
  }
}

async function converse(
  socket: ServerSocket,
  conversation: Conversation,
  credentials: ServerCredentials,
  startup: ReadonlyMap<string, string>,
): Promise<ServerGreeting> {
  socket.write(startupMessage(startup));
  const scram = new ScramClient(credentials.scramKeys, endPointOf(socket));
  const parameters = new ReportedParameters();
  let authenticated = false;
  let serverProven = false;
  let scramUsed = false;
  let key: { pid: number; secret: Buffer } | undefined;
  for (;;) {
    const { type, body } = await conversation.next();
    switch (type) {
      case Backend.Authentication: {
        const reader = new BodyReader(body);
        const code = reader.int32();
        if (code === 0) {
          // A server that skips its proof is not the one that holds the verifier.
          if (scramUsed && !serverProven)
            throw new ServerAuthFailure("AuthenticationOk without the server's proof");
          authenticated = true;
        } else if (code === 3) {
          socket.write(passwordMessage(cleartextFor(socket, credentials)));
        } else if (code === 5) {
          socket.write(passwordMessage(md5Response(md5SecretOf(credentials), reader.bytes(4))));
        } else if (code === 10) {
          const mechanisms: string[] = [];
          while (reader.remaining > 1) mechanisms.push(reader.string());
          if (scramUsed) throw new ServerAuthFailure("the server began to authenticate twice");
          scramUsed = true;
          const { mechanism, message } = scram.first(mechanisms);
          socket.write(saslInitialResponse(mechanism, message));
        } else if (code === 11 && scramUsed) {
          socket.write(saslResponse(await scram.respond(reader.bytes(reader.remaining).toString("utf8"))));
        } else if (code === 12 && scramUsed) {
          scram.verify(reader.bytes(reader.remaining).toString("utf8"));
          serverProven = true;
        } else {
          throw new ServerAuthFailure(`authentication method ${code} is not supported`);
        }
        break;
      }
      case Backend.ErrorResponse:
        throw new ServerError(decodeErrorFields(body));
      case Backend.NoticeResponse:
      case Backend.NegotiateProtocolVersion:
        break;
      case Backend.ParameterStatus: {
        const reader = new BodyReader(body);
        parameters.set(reader.string(), reader.string());
        break;
      }
      case Backend.BackendKeyData: {
        const reader = new BodyReader(body);
        key = { pid: reader.int32(), secret: Buffer.from(reader.bytes(reader.remaining)) };
        break;
      }
      case Backend.ReadyForQuery:
        if (!authenticated || key === undefined)
          throw new MalformedMessage("ReadyForQuery before authentication");
        return { ...key, parameters };
      default:
        throw new MalformedMessage(`message 0x${type.toString(16)} from the server during login`);
    }
  }
}

function cleartextFor(socket: ServerSocket, credentials: ServerCredentials): string {
  if (!mayCarryPasswords(socket))
    throw new ServerAuthFailure("the server asks for a cleartext password without verified TLS");
  if (credentials.password === undefined)
    throw new ServerAuthFailure("the server asks for a password that is not known here");
  return credentials.password();
}

function md5SecretOf(credentials: ServerCredentials): string {
  if (credentials.md5 !== undefined) return credentials.md5;
  if (credentials.password === undefined)
    throw new ServerAuthFailure("the server asks for an MD5 password that is not known here");
  return md5Secret(credentials.user, credentials.password());
}

function endPointOf(socket: ServerSocket): Buffer | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? undefined : endPointBinding(certificate.raw);
}

/** Messages of a socket, one after the other, while nobody else reads it. */
class Conversation {
  readonly #socket: ServerSocket;
  readonly #reader = new FrameReader(MOST_LOGIN_MESSAGE_BYTES);
  #waiting: { resolve: (frame: Frame) => void; reject: (error: unknown) => void } | undefined;
  #failure: unknown;
  #bytes = 0;
  #messages = 0;
  /** Come since somebody waited last. */
  #aheadBytes = 0;

  constructor(socket: ServerSocket) {
    this.#socket = socket;
    socket.on("data", this.#received);
    socket.on("error", this.#failed);
    socket.on("close", this.#closed);
  }

  next(): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#pump();
    });
  }

  end(): void {
    this.#socket.off("data", this.#received);
    this.#socket.off("error", this.#failed);
    this.#socket.off("close", this.#closed);
  }

  #pump(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    try {
      const frame = this.#reader.next();
      if (frame !== undefined) {
        this.#messages += 1;
        if (this.#messages > MOST_LOGIN_MESSAGES)
          throw new MalformedMessage("too many messages from the server during login");
        this.#waiting = undefined;
        waiting.resolve(frame);
      } else if (this.#failure !== undefined) {
        this.#waiting = undefined;
        waiting.reject(this.#failure);
      } else {
        this.#aheadBytes = 0;
        if (this.#socket.isPaused()) this.#socket.resume();
      }
    } catch (error) {
      this.#waiting = undefined;
      waiting.reject(error);
    }
  }

  readonly #received = (segment: Buffer): void => {
    if (this.#failure !== undefined) return;
    this.#bytes += segment.length;
    if (this.#bytes > MOST_LOGIN_BYTES) {
      this.#reader.takeRest();
      this.#failure = new MalformedMessage("too much from the server during login");
    } else this.#reader.push(segment);
    this.#pump();
    if (this.#waiting !== undefined) return;
    this.#aheadBytes += segment.length;
    if (this.#aheadBytes > MOST_AHEAD_BYTES) this.#socket.pause();
  };

  readonly #failed = (error: Error): void => {
    this.#failure ??= new ServerGone(error.message, error);
    this.#pump();
  };

  readonly #closed = (): void => {
    this.#failure ??= new ServerGone("closed during login");
    this.#pump();
  };
}
