import { bind, describe, execute, parse, SYNC } from "../../../support/frontend.js";
import { query } from "../../../support/protocol.js";
import { ask, topic } from "../script.js";

const SIZES = [4090, 8191, 8192, 8193, 16_384, 65_530, 65_536, 262_144, 1_000_000];

export const largeMessages = topic("large messages", {
  "values of many sizes": SIZES.map((size) => `select repeat('x', ${size})`),
  "texts of many sizes": SIZES.map((size) => `select length('${"y".repeat(size)}')`),
  "parameters of many sizes": SIZES.map((size) =>
    ask(parse("select length($1), $1"), bind({ values: ["z".repeat(size)] }), execute(), SYNC),
  ),
  "a text of sizes around a buffer's end": Array.from(
    { length: 24 },
    (_, n) => `select ${" ".repeat(8170 + n)}1`,
  ),
  "batches of sizes around a buffer's end": Array.from({ length: 24 }, (_, n) =>
    ask(parse(`select $1 /* ${"-".repeat(8140 + n)} */`, "", [25]), bind({ values: ["x"] }), execute(), SYNC),
  ),
  "a value of 20 MB": ["select repeat('w', 20000000)", "select 1"],
  "a text of 5 MB": [`select length('${"v".repeat(5_000_000)}')`, "select 1"],
  "a parameter of 5 MB": [
    ask(parse("select length($1)"), bind({ values: ["u".repeat(5_000_000)] }), execute(), SYNC),
    "select 1",
  ],
  "many rows": ["select n, repeat('r', n % 37) from generate_series(1, 20000) n", "select 1"],
  "many rows by extended protocol": [
    ask(
      parse("select n, n::text, null from generate_series(1, 20000) n"),
      describe("S"),
      bind({ results: [1] }),
      execute(),
      SYNC,
    ),
  ],
  "rows of many columns": [
    `select ${Array.from({ length: 500 }, (_, n) => `${n} as column_${n}`).join(", ")} from generate_series(1, 20)`,
  ],
  "a long error": [`select '${"e".repeat(50_000)}'::int`, "select 1"],
  "a long notice": ["select complain(repeat('n', 50000))"],
  "a long name of a column": [`select 1 as "${"c".repeat(60)}", '${"d".repeat(3000)}' as e`],
  "an error behind many rows": ["select 100000 / (15000 - n) from generate_series(1, 20000) n", "select 1"],
  "a long list of statements": [Array.from({ length: 1500 }, (_, n) => `select ${n}`).join("; ")],
  "large answers to queries ahead": [
    ask(...[300_000, 1, 500_000, 2].map((size) => query(`select repeat('q', ${size})`))),
  ],
});
