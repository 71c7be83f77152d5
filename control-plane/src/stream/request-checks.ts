import { Code, ConnectError } from "@connectrpc/connect";
import { BUNDLE_BOUNDS } from "@sluice/shared/bundle";
import type { Ack, Held, ReportRequest, Status, WatchRequest } from "@sluice/shared/stream";

/*
 * A data plane is told at once what it may not say: what comes past here is stored, and one value that the database
 * does not take would be tried again and again. Lists are cut, not refused: one with many bad records may say so.
 */

const INSTANCE = /^[A-Za-z0-9-]{8,64}$/;
const NODE_KEY_BYTES = 32;
const ROOT_BYTES = 32;
const REPORT_KEY_BYTES = { fewest: 16, most: 64 };
const LONGEST_KEY_ID = 128;
const LONGEST_ID = BUNDLE_BOUNDS.recordIdBytes;
const MOST_KEY_IDS = 64;
const MOST_COUNTS = 16;
const LONGEST_COUNT_NAME = 64;
const MOST_RESULTS = 10_000;
const MOST_QUARANTINED = 1000;
const MOST_QUARANTINED_CHARACTERS = 64 * 1024;
/** A bigint of Postgres. */
const LARGEST_NUMBER = 2n ** 63n - 1n;
/** Shown as JSON. */
const LARGEST_COUNT = BigInt(Number.MAX_SAFE_INTEGER);
/** NUL, and half a pair: Postgres keeps neither. */
const UNKEEPABLE = /[\0\p{Surrogate}]/u;

/** @throws ConnectError */
export function checkWatch(request: WatchRequest): void {
  const { instance, publicKey, dataKeyIds, held, mark, proof, keysetVersion, reportKey } = request;
  checkInstance(instance);
  if (publicKey.length !== NODE_KEY_BYTES) refuse("bad public key");
  if (dataKeyIds.length > MOST_KEY_IDS) refuse("too many data keys");
  for (const id of dataKeyIds) checkText("the id of a data key", id, LONGEST_KEY_ID);
  if (proof.length > BUNDLE_BOUNDS.proofBytes) refuse(`the proof is over ${BUNDLE_BOUNDS.proofBytes} bytes`);
  checkNumber("keyset_version", keysetVersion);
  checkHeld(held);
  checkHeld(mark);
  const { fewest, most } = REPORT_KEY_BYTES;
  if (reportKey.length > 0 && (reportKey.length < fewest || reportKey.length > most))
    refuse("bad report key");
}

/** @throws ConnectError */
export function checkReport({ instance, outcome }: ReportRequest): void {
  checkInstance(instance);
  switch (outcome.case) {
    case "ack":
      checkHeld(outcome.value.held);
      checkQuarantined(outcome.value.quarantined);
      checkResults(outcome.value.results);
      break;
    case "nack":
      checkHeld(outcome.value.held);
      checkHeld(outcome.value.refused);
      break;
    case "status":
      checkStatus(outcome.value);
      break;
    case undefined:
      refuse("neither ack, nack nor status");
      break;
    default:
      outcome satisfies never;
  }
}

/** Those that are kept. */
export function quarantinedOf(ids: readonly string[]): readonly string[] {
  let characters = 0;
  const kept = ids.slice(0, MOST_QUARANTINED);
  const tooMany = kept.findIndex((id) => {
    characters += id.length;
    return characters > MOST_QUARANTINED_CHARACTERS;
  });
  return tooMany === -1 ? kept : kept.slice(0, tooMany);
}

/** Those that are kept. */
export function resultsOf(results: Ack["results"]): Ack["results"] {
  return results.slice(0, MOST_RESULTS);
}

/** For what is only read by people: cut, and without what cannot be kept. */
export function plainText(text: string, longest: number): string {
  return text.slice(0, longest).replaceAll(new RegExp(UNKEEPABLE, "gu"), "");
}

function checkInstance(instance: string): void {
  if (!INSTANCE.test(instance)) refuse("bad instance id");
}

function checkHeld(held: Held | undefined): void {
  if (held === undefined) return;
  checkNumber("an epoch", held.epoch);
  checkNumber("a generation", held.generation);
  if (held.stateRoot.length !== ROOT_BYTES) refuse("bad state root");
}

function checkQuarantined(ids: readonly string[]): void {
  for (const id of quarantinedOf(ids)) checkText("an id in quarantine", id, LONGEST_ID);
}

function checkResults(results: Ack["results"]): void {
  for (const { tenant, counts } of resultsOf(results)) {
    checkText("the tenant of a result", tenant, LONGEST_ID);
    const entries = Object.entries(counts);
    if (entries.length > MOST_COUNTS) refuse(`a result has over ${MOST_COUNTS} counts`);
    for (const [name, count] of entries) {
      checkText("the name of a count", name, LONGEST_COUNT_NAME);
      checkCount("a count", count);
    }
  }
}

function checkStatus({ held, quarantined, keysetVersion, freshnessAgeMs, bans }: Status): void {
  checkHeld(held);
  checkQuarantined(quarantined);
  checkNumber("keyset_version", keysetVersion);
  checkCount("freshness_age_ms", freshnessAgeMs ?? 0n);
  for (const { tenant, address, remainingMs } of bans) {
    if (UNKEEPABLE.test(tenant) || UNKEEPABLE.test(address)) refuse("a ban has a character that is not kept");
    checkCount("remaining_ms", remainingMs);
  }
}

function checkText(what: string, text: string, longest: number): void {
  if (text.length > longest) refuse(`${what} is longer than ${longest} characters`);
  if (UNKEEPABLE.test(text)) refuse(`${what} has a character that is not kept`);
}

function checkNumber(what: string, value: bigint): void {
  if (value > LARGEST_NUMBER) refuse(`${what} is over ${LARGEST_NUMBER}`);
}

function checkCount(what: string, value: bigint): void {
  if (value > LARGEST_COUNT) refuse(`${what} is over ${LARGEST_COUNT}`);
}

function refuse(reason: string): void {
  throw new ConnectError(reason, Code.InvalidArgument);
}
