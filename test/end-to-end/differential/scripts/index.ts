import type { Topic } from "../script.js";
import { copy } from "./copy.js";
import { endings } from "./endings.js";
import { extended } from "./extended.js";
import { formats } from "./formats.js";
import { largeMessages } from "./large-messages.js";
import { namesAndEncodings } from "./names-and-encodings.js";
import { pipelines } from "./pipelines.js";
import { portals } from "./portals.js";
import { preparedStatements } from "./prepared-statements.js";
import { sessionState } from "./session-state.js";
import { settings } from "./settings.js";
import { simpleQueries } from "./simple-queries.js";
import { startupParameters } from "./startup-parameters.js";
import { transactions } from "./transactions.js";

/** A topic a file. */
export const TOPICS: readonly Topic[] = [
  simpleQueries,
  transactions,
  extended,
  pipelines,
  preparedStatements,
  portals,
  copy,
  settings,
  startupParameters,
  sessionState,
  formats,
  namesAndEncodings,
  largeMessages,
  endings,
];
