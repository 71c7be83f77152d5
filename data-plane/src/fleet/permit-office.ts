import type { PoolKey } from "../pool/index.js";

/** What a pool may have over all workers. */
export interface PermitLimits {
  readonly pool: number;
  /** Over all pools of the tenant; undefined: no bound of its own. */
  readonly tenant: number | undefined;
}

/** What a worker's pool would do with more. */
export interface PermitWish {
  readonly wanted: number;
  readonly waiting: number;
  readonly longestWaitMs: number;
}

export interface PermitOfficeOptions {
  readonly limitsOf: (key: PoolKey) => PermitLimits;
  readonly grant: (worker: number, pool: string, count: number) => void;
  /** Give back up to `count`: of idle servers any, of those in demand only while more than `floor` are held. */
  readonly recall: (worker: number, pool: string, count: number, floor: number) => void;
}

/** A waiter elsewhere has to have waited so long before a permit moves. */
export const STARVING_MS = 50;

/** One worker's part of one pool. */
interface Holder {
  readonly worker: number;
  readonly book: Book;
  held: number;
  wanted: number;
  waiting: number;
  starving: boolean;
  /** Place in the order of those who want. */
  since: number;
  /** Recalled, and not back yet. */
  due: number;
  grantedAt: number;
}

interface Book {
  readonly name: string;
  readonly key: PoolKey;
  readonly holders: Map<number, Holder>;
  total: number;
}

/**
 * Divides the permits of all pools among the workers. It runs in the primary, and only speaks when it is spoken to.
 *
 *   worker                          office
 *     wanted, longest wait   →        free ones are granted, those who asked first before others
 *     granted                ←
 *                                     none free, and somebody has waited 50 ms: shares are by demand (held and
 *     recalled, down to      ←        waiting); who holds more than its share, or idle ones, is asked for some
 *     returned               →        to whoever wants
 *
 * Invariant: what is granted and not returned is never raised above a pool's limit, nor a tenant's. What a dead worker
 * held is free at once: its sockets went with it.
 */
export class PermitOffice {
  readonly #options: PermitOfficeOptions;
  readonly #books = new Map<string, Book>();
  readonly #byTenant = new Map<string, Set<Book>>();
  #order = 0;

  constructor(options: PermitOfficeOptions) {
    this.#options = options;
  }

  /** Permits that are out, of one pool or of all. */
  outstanding(pool?: string): number {
    if (pool !== undefined) return this.#books.get(pool)?.total ?? 0;
    let sum = 0;
    for (const { total } of this.#books.values()) sum += total;
    return sum;
  }

  /** A wish takes the place of the last one; `wanted` 0 withdraws it. */
  asked(worker: number, pool: string, key: PoolKey, wish: PermitWish): void {
    const holder = this.#holder(worker, pool, key);
    if (wish.wanted > 0 && holder.wanted === 0) holder.since = ++this.#order;
    holder.wanted = wish.wanted;
    holder.waiting = wish.waiting;
    holder.starving = wish.wanted > 0 && wish.longestWaitMs >= STARVING_MS;
    this.#distribute(holder.book);
    if (holder.starving && holder.wanted > 0) this.#recallFor(holder);
    this.#forgetIfEmpty(holder);
    this.#calm(holder.book);
  }

  returned(worker: number, pool: string, count: number): void {
    const holder = this.#books.get(pool)?.holders.get(worker);
    if (holder === undefined) return;
    const back = Math.min(count, holder.held);
    holder.held -= back;
    holder.due = Math.max(0, holder.due - back);
    holder.book.total -= back;
    this.#distribute(holder.book);
    this.#forgetIfEmpty(holder);
    this.#calm(holder.book);
  }

  /** A tenant's limits may be others now. */
  limitsChanged(tenant: string): void {
    const books = [...(this.#byTenant.get(tenant) ?? [])];
    for (const book of books) this.#distribute(book);
    for (const book of books) this.#takeExcess([...book.holders.values()], this.#limits(book).pool);
    const [first] = books;
    const most = first === undefined ? undefined : this.#limits(first).tenant;
    if (most !== undefined) this.#takeExcess(this.#holdersOf(tenant), most);
    for (const book of books) this.#calm(book);
  }

  workerGone(worker: number): void {
    for (const book of [...this.#books.values()]) {
      const holder = book.holders.get(worker);
      if (holder === undefined) continue;
      book.total -= holder.held;
      book.holders.delete(worker);
      this.#distribute(book);
      this.#forgetBook(book);
    }
  }

  #limits(book: Book): PermitLimits {
    return this.#options.limitsOf(book.key);
  }

  /** To those who want, one each in turn, as far as pool and tenant go. */
  #distribute(book: Book): void {
    const { tenant: most } = this.#limits(book);
    const { tenant } = book.key;
    let tenantRoom = most === undefined ? Number.POSITIVE_INFINITY : most - this.#totalOf(tenant);
    const wanting = (most === undefined ? [...book.holders.values()] : this.#holdersOf(tenant))
      .filter((holder) => holder.wanted > 0)
      .sort((a, b) => a.since - b.since);
    const room = new Map<Book, number>();
    for (const { book: its } of wanting) {
      if (!room.has(its)) room.set(its, this.#limits(its).pool - its.total);
    }
    const given = new Map<Holder, number>();
    for (let served = true; served && tenantRoom > 0; ) {
      served = false;
      for (const holder of wanting) {
        const left = room.get(holder.book) ?? 0;
        if (holder.wanted === 0 || left <= 0 || tenantRoom <= 0) continue;
        room.set(holder.book, left - 1);
        tenantRoom -= 1;
        holder.wanted -= 1;
        given.set(holder, (given.get(holder) ?? 0) + 1);
        served = true;
      }
    }
    for (const [holder, count] of given) {
      holder.held += count;
      holder.book.total += count;
      holder.since = ++this.#order;
      holder.grantedAt = this.#order;
      if (holder.wanted === 0) holder.starving = false;
      this.#options.grant(holder.worker, holder.book.name, count);
    }
  }

  /** Somebody starves: those with more than their share are asked for some. */
  #recallFor(asker: Holder): void {
    const { book } = asker;
    const { pool, tenant } = this.#limits(book);
    const poolFull = book.total >= pool;
    const limit = poolFull ? pool : (tenant ?? 0);
    if (limit <= 0) return;
    const members = poolFull ? [...book.holders.values()] : this.#holdersOf(book.key.tenant);
    const holding = members.filter((member) => member !== asker && member.held > 0);
    const demand = members.reduce((sum, member) => sum + demandOf(member), 0);
    const shareOf = (member: Holder): number => (limit * demandOf(member)) / demand;
    const heldByOthers = holding.reduce((sum, member) => sum + member.held, 0);
    const floors = new Map(
      holding.map((member) => [member, Math.min(member.held, Math.ceil(shareOf(member)))]),
    );
    // Everybody who wants gets one now and then: of whoever is furthest above its share, or has had its own for longest.
    if (asker.held === 0 && holding.every((member) => floors.get(member) === member.held)) {
      const [first] = holding.toSorted(
        (a, b) => b.held - shareOf(b) - (a.held - shareOf(a)) || a.grantedAt - b.grantedAt,
      );
      if (first !== undefined) floors.set(first, first.held - 1);
    }
    for (const member of holding) {
      const part = Math.ceil((asker.wanted * member.held) / heldByOthers);
      this.#recall(member, Math.min(part, member.held), floors.get(member) ?? member.held);
    }
  }

  /** Above a limit that was lowered. */
  #takeExcess(members: readonly Holder[], limit: number): void {
    const total = members.reduce((sum, member) => sum + member.held, 0);
    if (total <= limit) return;
    const demand = members.reduce((sum, member) => sum + demandOf(member), 0);
    for (const member of members) {
      const floor = Math.floor((limit * demandOf(member)) / demand);
      if (member.held > floor) this.#recall(member, member.held - floor, floor);
    }
  }

  #recall(member: Holder, count: number, floor: number): void {
    member.due = count;
    this.#options.recall(member.worker, member.book.name, count, floor);
  }

  /** Nobody starves any more: what was recalled may be kept, unless a limit is exceeded. */
  #calm(book: Book): void {
    const { pool, tenant } = this.#limits(book);
    const members = tenant === undefined ? [...book.holders.values()] : this.#holdersOf(book.key.tenant);
    if (members.some(({ starving }) => starving)) return;
    if (book.total > pool || (tenant !== undefined && this.#totalOf(book.key.tenant) > tenant)) return;
    for (const member of members) if (member.due > 0) this.#recall(member, 0, member.held);
  }

  #holder(worker: number, pool: string, key: PoolKey): Holder {
    let book = this.#books.get(pool);
    if (book === undefined) {
      book = { name: pool, key, holders: new Map(), total: 0 };
      this.#books.set(pool, book);
      const siblings = this.#byTenant.get(key.tenant) ?? new Set();
      this.#byTenant.set(key.tenant, siblings.add(book));
    }
    let holder = book.holders.get(worker);
    if (holder === undefined) {
      holder = {
        worker,
        book,
        held: 0,
        wanted: 0,
        waiting: 0,
        starving: false,
        since: 0,
        due: 0,
        grantedAt: 0,
      };
      book.holders.set(worker, holder);
    }
    return holder;
  }

  #holdersOf(tenant: string): Holder[] {
    return [...(this.#byTenant.get(tenant) ?? [])].flatMap(({ holders }) => [...holders.values()]);
  }

  #totalOf(tenant: string): number {
    let sum = 0;
    for (const { total } of this.#byTenant.get(tenant) ?? []) sum += total;
    return sum;
  }

  #forgetIfEmpty(holder: Holder): void {
    if (holder.held > 0 || holder.wanted > 0) return;
    holder.book.holders.delete(holder.worker);
    this.#forgetBook(holder.book);
  }

  #forgetBook(book: Book): void {
    if (book.holders.size > 0) return;
    this.#books.delete(book.name);
    const siblings = this.#byTenant.get(book.key.tenant);
    siblings?.delete(book);
    if (siblings?.size === 0) this.#byTenant.delete(book.key.tenant);
  }
}

/** A holder that asks for nothing has use for what it holds, as far as is known here; idle ones it gives up by itself. */
function demandOf(member: Holder): number {
  return member.held + (member.wanted > 0 ? Math.max(member.waiting, member.wanted) : 0);
}
