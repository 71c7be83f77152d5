/** One way to the same database: without a pooler, through ours, through another. */
export interface Contestant {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Whether statements prepared by name pass in transaction mode. */
  readonly preparesByName: boolean;
  /** Of the pooler; none where there is none between. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

/** What every pooler is set up for. */
export interface Course {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** What the server holds of the password: with it, poolers pass SCRAM through and compute no PBKDF2. */
  readonly verifier: string;
  readonly poolSize: number;
  readonly maxClients: number;
  /** Where poolers run; undefined: anywhere. */
  readonly poolerProcessor: number | undefined;
}
