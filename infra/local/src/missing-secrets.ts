/** One file among the secrets of a fleet. */
export interface SecretFile {
  /** `service/name`. */
  readonly path: string;
  readonly mode: number;
  /**
   * What it is made from, or what has to be there before it. The rule that keeps secrets: as long as something that came
   * after a file is there, that file is in use, wherever it is kept now, and is not made a second time.
   */
  readonly from: readonly SecretFile[];
  /** Writes it to `staged`, whole. */
  readonly make: (staged: string) => Promise<void> | void;
}

/** A file is needed that was made once, and is kept elsewhere now. */
export class SecretTakenAway extends Error {
  constructor(gone: SecretFile, wanted: SecretFile, user: SecretFile) {
    const purpose = gone === wanted ? "" : ` to make ${wanted.path}`;
    super(
      `${gone.path} is needed${purpose} and is not there, while ${user.path} comes from it: put it back for this run. ` +
        "A new one would not fit what is in use.",
    );
  }
}

/**
 * What has to be made for all of `wanted` to be there, each after what it is from.
 * @throws SecretTakenAway before anything is made
 */
export function missingSecrets(
  all: readonly SecretFile[],
  wanted: readonly SecretFile[],
  isThere: (file: SecretFile) => boolean,
): readonly SecretFile[] {
  const missing = new Set<SecretFile>();
  const need = (file: SecretFile, purpose: SecretFile): void => {
    if (isThere(file) || missing.has(file)) return;
    const user = userOf(file, all, isThere);
    if (user !== undefined) throw new SecretTakenAway(file, purpose, user);
    for (const source of file.from) need(source, purpose);
    missing.add(file);
  };
  for (const file of wanted) need(file, file);
  return [...missing];
}

function userOf(
  file: SecretFile,
  all: readonly SecretFile[],
  isThere: (file: SecretFile) => boolean,
): SecretFile | undefined {
  for (const later of all) {
    if (!later.from.includes(file)) continue;
    const user = isThere(later) ? later : userOf(later, all, isThere);
    if (user !== undefined) return user;
  }
  return undefined;
}
