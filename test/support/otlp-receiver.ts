import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A span as it came over the wire. */
export interface ReceivedSpan {
  readonly service: string;
  readonly resource: Attributes;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly statusMessage: string;
  readonly events: number;
}
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface OtlpReceiver {
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  readonly headers: readonly Readonly<Record<string, string | string[] | undefined>>[];
  /** All that was ever sent, as text, to look for what must not be there. */
  readonly bytes: () => string;
  stop(): Promise<void>;
}

/** A collector: OTLP over HTTP, protobuf, read field by field as opentelemetry-proto's trace.proto numbers them. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const headers: OtlpReceiver["headers"][number][] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const sent = Buffer.concat(parts);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      headers.push(request.headers);
      if (request.url !== "/v1/traces" || request.headers["content-type"] !== "application/x-protobuf") {
        response.writeHead(400).end();
        return;
      }
      bodies.push(body);
      spans.push(...spansOf(body));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    bytes: () => Buffer.concat(bodies).toString("latin1"),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** ExportTraceServiceRequest */
function spansOf(body: Uint8Array): ReceivedSpan[] {
  return all(body, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(all(first(resourceSpans, 1), 1));
    return all(resourceSpans, 2).flatMap((scopeSpans) =>
      all(scopeSpans, 2).map((span) => spanOf(span, resource)),
    );
  });
}

function spanOf(span: Uint8Array, resource: Attributes): ReceivedSpan {
  const status = first(span, 15);
  return {
    service: String(resource["service.name"]),
    resource,
    traceId: hex(first(span, 1)),
    spanId: hex(first(span, 2)),
    parentSpanId: hex(first(span, 4)),
    name: text(first(span, 5)),
    kind: Number(number(span, 6)),
    startMs: Number(number(span, 7)) / 1e6,
    endMs: Number(number(span, 8)) / 1e6,
    attributes: attributesOf(all(span, 9)),
    events: all(span, 11).length,
    status: Number(number(status, 3)),
    statusMessage: text(first(status, 2)),
  };
}

/** KeyValue: a key and an AnyValue. */
function attributesOf(pairs: readonly Uint8Array[]): Attributes {
  return Object.fromEntries(pairs.map((pair) => [text(first(pair, 1)), anyValueOf(first(pair, 2))]));
}

function anyValueOf(value: Uint8Array): string | number | boolean {
  const reader = new BinaryReader(value);
  const [field, wireType] = reader.tag();
  switch (field) {
    case 1:
      return reader.string();
    case 2:
      return reader.bool();
    case 3:
      return Number(reader.int64());
    case 4:
      return reader.double();
    default:
      reader.skip(wireType);
      throw new Error(`an attribute of kind ${field}`);
  }
}

/** What stands under a length-delimited field, each time that it comes. */
function all(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === wanted && wireType === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(wireType);
  }
  return found;
}

function first(message: Uint8Array, wanted: number): Uint8Array {
  return all(message, wanted)[0] ?? new Uint8Array();
}

/** A varint or a fixed64; 0 when it is not there. */
function number(message: Uint8Array, wanted: number): bigint {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === wanted && wireType === WireType.Varint) return BigInt(reader.uint64());
    if (field === wanted && wireType === WireType.Bit64) return BigInt(reader.fixed64());
    reader.skip(wireType);
  }
  return 0n;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
