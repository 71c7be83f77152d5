import { systemCodeOf } from "@sluice/shared/errors";
import { NotesRefused } from "../fleet/index.js";

/** PostgreSQL Appendix A: class 21 cardinality, 22 data exception, 23 constraint, 54 program limit. */
const REFUSED_DATA = /^(21|22|23|54)...$/;

/** Tells notes that the database will never take from every other failure. */
export async function orNotesRefused<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw REFUSED_DATA.test(systemCodeOf(error) ?? "") ? new NotesRefused(error) : error;
  }
}
