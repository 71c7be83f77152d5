/** On whose behalf something is changed. */
export interface Actor {
  /** The token's `sub` and `jti`, where it has them. */
  readonly subject: string | null;
  readonly jti: string | null;
  /** Which token it was, without the token. */
  readonly tokenId: string;
  readonly requestId: string;
}

/** A secret says only that it was changed. */
export type FieldChange = { readonly from: unknown; readonly to: unknown } | "changed";

/** By the field's name in the API, for instance `users.alice.pool_size`. */
export type Difference = Readonly<Record<string, FieldChange>>;

export interface AuditRecord {
  readonly actor: Actor;
  /** `tenant.updated` and the like. */
  readonly action: string;
  readonly tenant: string | null;
  readonly cluster: string | null;
  /** Null: the change is not published. */
  readonly generation: bigint | null;
  readonly difference: Difference;
}

export interface AuditEntry extends AuditRecord {
  /** Rises. */
  readonly id: bigint;
  readonly at: Date;
}

export interface AuditFilter {
  readonly tenant?: string | undefined;
  readonly cluster?: string | undefined;
  /** From then on. */
  readonly since?: Date | undefined;
  /** Before then. */
  readonly until?: Date | undefined;
}

/** What was changed, by whom. Entries are written in the transaction that makes the change, and never altered. */
export interface AuditLog {
  /** Newest first, from below `before`. */
  list(filter: AuditFilter, before: bigint | undefined, limit: number): Promise<readonly AuditEntry[]>;
}
