import type { AckNote, ResultNote } from "./fleet-store.js";
import { type InstanceStatus, nameOf } from "./instance.js";

/** What a data plane has said, and is not written down yet. */
export type Note =
  | { readonly kind: "status"; readonly of: InstanceStatus }
  | { readonly kind: "result"; readonly of: ResultNote }
  | { readonly kind: "ack"; readonly of: Omit<AckNote, "ageMs">; readonly heardAtMs: number };

/** What they take while the database is away. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Of a note without its texts. */
const NOTE_BYTES = 512;
const BYTES_PER_CHARACTER = 2;

interface Owner {
  /** The oldest first. */
  readonly notes: Map<string, Note>;
  bytes: number;
}

/**
 * By instance, of each thing the newest that was said of it. Beyond the bound whoever takes the most loses its oldest
 * notes: one that says very much takes nothing from the others.
 *
 *     "pods/a" -> status, ack 7, ack 8          total <= MOST_BYTES
 *     "pods/b" -> status, result acme/8, ack 8
 */
export class PendingNotes {
  readonly #mostBytes: number;
  readonly #owners = new Map<string, Owner>();
  #bytes = 0;

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(note: Note): void {
    const name = nameOf(note.of);
    const owner = this.#owners.get(name) ?? { notes: new Map(), bytes: 0 };
    this.#owners.set(name, owner);
    const key = keyOf(note);
    this.#drop(owner, key);
    owner.notes.set(key, note);
    this.#grow(owner, bytesOf(note));
    if (this.#bytes > this.#mostBytes) this.#halve(this.#largest() ?? owner);
  }

  /** In the order in which they are to be written: what was done for an order is there before the ack that tells of it. */
  takeAll(): readonly Note[] {
    const all = [...this.#owners.values()].flatMap(({ notes }) => [...notes.values()]);
    this.#owners.clear();
    this.#bytes = 0;
    return (["status", "result", "ack"] as const).flatMap((kind) => all.filter((note) => note.kind === kind));
  }

  /** What could not be written; what has come meanwhile is newer. */
  putBack(older: readonly Note[]): void {
    const newer = this.takeAll();
    for (const note of older) this.add(note);
    for (const note of newer) this.add(note);
  }

  #largest(): Owner | undefined {
    let largest: Owner | undefined;
    for (const owner of this.#owners.values()) if (owner.bytes > (largest?.bytes ?? 0)) largest = owner;
    return largest;
  }

  /** By half, so that whoever says very much is not looked for with each note. */
  #halve(owner: Owner): void {
    const enough = owner.bytes / 2;
    for (const key of owner.notes.keys()) {
      if (owner.bytes <= enough) return;
      this.#drop(owner, key);
    }
  }

  #drop(owner: Owner, key: string): void {
    const note = owner.notes.get(key);
    if (note === undefined) return;
    owner.notes.delete(key);
    this.#grow(owner, -bytesOf(note));
  }

  #grow(owner: Owner, bytes: number): void {
    owner.bytes += bytes;
    this.#bytes += bytes;
  }
}

/** Of one instance. */
function keyOf(note: Note): string {
  switch (note.kind) {
    case "status":
      return "status";
    case "result":
      return `result/${note.of.held.generation}/${note.of.tenant}`;
    case "ack":
      return `ack/${note.of.held.generation}`;
    default:
      return note satisfies never;
  }
}

function bytesOf(note: Note): number {
  return NOTE_BYTES + BYTES_PER_CHARACTER * textsOf(note).reduce((sum, text) => sum + text.length, 0);
}

function textsOf(note: Note): readonly string[] {
  switch (note.kind) {
    case "status":
      return [...note.of.quarantined, note.of.build, note.of.nack?.detail ?? ""];
    case "result":
      return [note.of.tenant, ...Object.keys(note.of.counts)];
    case "ack":
      return [note.of.nackCode ?? ""];
    default:
      return note satisfies never;
  }
}
