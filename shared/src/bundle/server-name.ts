import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { TenantRecordSchema } from "./gen/sluice/bundle/v1/bundle_pb.js";
import type { VerifiedBytes } from "./verified-bytes.js";

const SNI_HOSTNAME = TenantRecordSchema.field.sniHostname.number;

/** A tenant's `sni_hostname`, read without the rest of its record; empty: it has none. Throws on what is no record. */
export function serverNameOf(body: VerifiedBytes): string {
  const reader = new BinaryReader(body);
  let name = "";
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    // As in every protobuf reader the last one counts.
    if (field === SNI_HOSTNAME && type === WireType.LengthDelimited) name = reader.string();
    else reader.skip(type, field);
  }
  return name;
}
