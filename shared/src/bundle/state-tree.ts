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

/** SHA-256, a character for each byte: with Buffers a tree of 100,000 records takes 78 MB, with these 42. */
type Digest = string;

interface Leaf {
  readonly id: string;
  readonly hash: Digest;
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
    const builder = new StateTreeBuilder();
    for (const [id, body] of records) builder.add(id, body);
    return builder.tree();
  }

  /** Not for others: see StateTreeBuilder. @param leaves by bucket */
  static ofLeaves(leaves: readonly (ReadonlyMap<string, Digest> | undefined)[]): StateTree {
    let size = 0;
    const buckets = leaves.map((bucket) => {
      size += bucket?.size ?? 0;
      if (bucket === undefined) return EMPTY_BUCKET;
      const sorted = [...bucket]
        .map(([id, leaf]) => ({ id, hash: leaf }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      return { leaves: sorted, hash: hashOf(sorted) };
    });
    return new StateTree(buckets, size);
  }

  /** SHA-256, 32 bytes. */
  get root(): Uint8Array {
    if (this.#root === undefined) {
      const all = scratchOf(BUCKETS * HASH_BYTES);
      let at = 0;
      for (const bucket of this.#buckets) at += bucket.hash.copy(all, at);
      this.#root = sha256(all.subarray(0, at));
    }
    return this.#root;
  }

  /** Removals first; an id that is not there is passed over. */
  with(change: StateChange): StateTree {
    const touched = new Map<number, Leaf[]>();
    const leavesOf = (id: string): Leaf[] => {
      const index = bucketOf(id);
      let leaves = touched.get(index);
      if (leaves === undefined) {
        leaves = [...this.#bucket(index).leaves];
        touched.set(index, leaves);
      }
      return leaves;
    };
    for (const id of change.remove ?? []) {
      const leaves = leavesOf(id);
      const at = placeOf(leaves, id);
      if (leaves[at]?.id === id) leaves.splice(at, 1);
    }
    for (const [id, body] of change.upsert ?? []) {
      const leaves = leavesOf(checkRecordId(id));
      const at = placeOf(leaves, id);
      leaves.splice(at, leaves[at]?.id === id ? 1 : 0, { id, hash: digest(body) });
    }
    const buckets = [...this.#buckets];
    let { size } = this;
    for (const [index, leaves] of touched) {
      size += leaves.length - this.#bucket(index).leaves.length;
      buckets[index] = { leaves, hash: hashOf(leaves) };
    }
    return new StateTree(buckets, size);
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** Whether the record is held with exactly this content. */
  holds(id: string, body: Uint8Array): boolean {
    return this.#find(id)?.hash === digest(body);
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
        if (leaves.get(id) !== content) changed.push(id);
      }
    }
    return changed;
  }

  #bucket(index: number): Bucket {
    return this.#buckets[index] ?? EMPTY_BUCKET;
  }

  #find(id: string): Leaf | undefined {
    const { leaves } = this.#bucket(bucketOf(id));
    const leaf = leaves[placeOf(leaves, id)];
    return leaf?.id === id ? leaf : undefined;
  }
}

/** Takes records bit by bit and keeps their hashes only. */
export class StateTreeBuilder {
  readonly #leaves = new Array<Map<string, Digest> | undefined>(BUCKETS).fill(undefined);

  /** @throws BundleMalformed for an id that came before. */
  add(id: string, body: Uint8Array): void {
    const index = bucketOf(checkRecordId(id));
    let leaves = this.#leaves[index];
    if (leaves === undefined) {
      leaves = new Map();
      this.#leaves[index] = leaves;
    }
    if (leaves.has(id)) throw new BundleMalformed("the state", `two records ${id}`);
    leaves.set(id, digest(body));
  }

  tree(): StateTree {
    return StateTree.ofLeaves(this.#leaves);
  }
}

/** Where it is among sorted leaves, or would be. */
function placeOf(leaves: readonly Leaf[], id: string): number {
  let [from, to] = [0, leaves.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((leaves[middle]?.id ?? "") < id) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** @param leaves sorted */
function hashOf(leaves: readonly Leaf[]): Buffer {
  let length = 0;
  for (const { id } of leaves) length += 2 + id.length + HASH_BYTES;
  const bytes = scratchOf(length);
  let at = 0;
  for (const { id, hash: content } of leaves) {
    at = bytes.writeUInt16BE(id.length, at);
    at += bytes.write(id, at, "ascii");
    at += bytes.write(content, at, "latin1");
  }
  return sha256(bytes.subarray(0, at));
}

let scratch = Buffer.alloc(BUCKETS * HASH_BYTES);

/** For what is hashed at once: a change of one record among 100,000 would else leave 90 KB of garbage. */
function scratchOf(bytes: number): Buffer {
  if (scratch.length < bytes) scratch = Buffer.alloc(2 * bytes);
  return scratch;
}

function bucketOf(id: string): number {
  const name = digest(id);
  return ((name.charCodeAt(0) << 8) | name.charCodeAt(1)) >> 6;
}

function digest(content: Uint8Array | string): Digest {
  return hash("sha256", content, "binary");
}

function sha256(content: Uint8Array): Buffer {
  return hash("sha256", content, "buffer");
}
