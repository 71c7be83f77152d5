import { hash } from "node:crypto";
import { checkRecordId } from "./records.js";
import { BundleMalformed } from "./refusal.js";

/*
 *  record ──SHA-256──▶ leaf           1,024 buckets, by the first 10 bits of SHA-256(id)
 *  leaves of a bucket, sorted by id ──▶ bucket hash = SHA-256( len(id) as u16 ‖ id ‖ leaf, for each )
 *  bucket hashes, in order          ──▶ root        = SHA-256( hash 0 ‖ ... ‖ hash 1023 )
 *
 * The depth is fixed and the length of an id stands in front of it, so no two states read the same.
 */
const BUCKETS = 1024;
const HASH_BYTES = 32;

interface Leaf {
  readonly id: string;
  readonly hash: Buffer;
}

interface Bucket {
  /** Sorted by id, each id once. */
  readonly leaves: readonly Leaf[];
  readonly hash: Buffer;
}

const EMPTY_BUCKET: Bucket = { leaves: [], hash: sha256(new Uint8Array()) };

export interface StateChange {
  readonly upsert?: Iterable<readonly [id: string, body: Uint8Array]>;
  readonly remove?: Iterable<string>;
}

/**
 * Which records a scope holds, as hashes, and the root that stands for all of them. Never changes: `with` gives
 * another tree that shares every bucket that was not touched, so a change costs one bucket, and the state in
 * force stays whole while a new one is tried.
 */
export class StateTree {
  static readonly empty = new StateTree(new Array<Bucket>(BUCKETS).fill(EMPTY_BUCKET), 0);

  readonly #buckets: readonly Bucket[];
  readonly size: number;
  #root: Buffer | undefined;

  private constructor(buckets: readonly Bucket[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  /** @throws BundleMalformed for an id that comes twice. */
  static of(records: Iterable<readonly [id: string, body: Uint8Array]>): StateTree {
    const seen = new Set<string>();
    const once = function* (): Generator<readonly [string, Uint8Array]> {
      for (const record of records) {
        if (seen.has(record[0])) throw new BundleMalformed("the state", `two records ${record[0]}`);
        seen.add(record[0]);
        yield record;
      }
    };
    return StateTree.empty.with({ upsert: once() });
  }

  /** SHA-256, 32 bytes. */
  get root(): Uint8Array {
    this.#root ??= sha256(
      Buffer.concat(
        this.#buckets.map((bucket) => bucket.hash),
        BUCKETS * HASH_BYTES,
      ),
    );
    return this.#root;
  }

  /** Removals first; an id that is not there is passed over. */
  with(change: StateChange): StateTree {
    const touched = new Map<number, Map<string, Buffer>>();
    const leavesOf = (id: string): Map<string, Buffer> => {
      const index = bucketOf(id);
      let leaves = touched.get(index);
      if (leaves === undefined) {
        leaves = new Map(this.#bucket(index).leaves.map((leaf) => [leaf.id, leaf.hash]));
        touched.set(index, leaves);
      }
      return leaves;
    };
    for (const id of change.remove ?? []) leavesOf(id).delete(id);
    for (const [id, body] of change.upsert ?? []) leavesOf(checkRecordId(id)).set(id, sha256(body));
    const buckets = [...this.#buckets];
    let { size } = this;
    for (const [index, leaves] of touched) {
      size += leaves.size - this.#bucket(index).leaves.length;
      buckets[index] = makeBucket(leaves);
    }
    return new StateTree(buckets, size);
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** Whether the record is held with exactly this content. */
  holds(id: string, body: Uint8Array): boolean {
    return this.#find(id)?.hash.equals(sha256(body)) ?? false;
  }

  *ids(): Generator<string> {
    for (const bucket of this.#buckets) for (const leaf of bucket.leaves) yield leaf.id;
  }

  /** Ids that are here and not there. Equal buckets cost one comparison. */
  missingFrom(other: StateTree): string[] {
    const missing: string[] = [];
    for (const [index, bucket] of this.#buckets.entries()) {
      const there = other.#bucket(index);
      if (bucket === there || bucket.hash.equals(there.hash)) continue;
      const ids = new Set(there.leaves.map((leaf) => leaf.id));
      for (const { id } of bucket.leaves) if (!ids.has(id)) missing.push(id);
    }
    return missing;
  }

  /** Ids that are here, and not there with the same content. Equal buckets cost one comparison. */
  changedFrom(other: StateTree): string[] {
    const changed: string[] = [];
    for (const [index, bucket] of this.#buckets.entries()) {
      const before = other.#bucket(index);
      if (bucket === before || bucket.hash.equals(before.hash)) continue;
      const leaves = new Map(before.leaves.map((leaf) => [leaf.id, leaf.hash]));
      for (const { id, hash: content } of bucket.leaves) {
        if (!leaves.get(id)?.equals(content)) changed.push(id);
      }
    }
    return changed;
  }

  #bucket(index: number): Bucket {
    return this.#buckets[index] ?? EMPTY_BUCKET;
  }

  #find(id: string): Leaf | undefined {
    return this.#bucket(bucketOf(id)).leaves.find((leaf) => leaf.id === id);
  }
}

function makeBucket(leaves: ReadonlyMap<string, Buffer>): Bucket {
  const sorted = [...leaves].map(([id, leaf]) => ({ id, hash: leaf })).sort((a, b) => (a.id < b.id ? -1 : 1));
  const parts: Buffer[] = [];
  for (const leaf of sorted) {
    const head = Buffer.alloc(2 + leaf.id.length);
    head.writeUInt16BE(leaf.id.length);
    head.write(leaf.id, 2, "ascii");
    parts.push(head, leaf.hash);
  }
  return { leaves: sorted, hash: sha256(Buffer.concat(parts)) };
}

function bucketOf(id: string): number {
  return sha256(id).readUInt16BE(0) >> 6;
}

function sha256(content: Uint8Array | string): Buffer {
  return hash("sha256", content, "buffer");
}
