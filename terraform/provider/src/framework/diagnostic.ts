import { type DiagnosticContent, SEVERITY, type Values } from "../protocol/index.js";
import { type Path, pathMessage } from "./path.js";

/** What a person at the terminal reads. Nothing secret. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** A line, without a dot at its end. */
  readonly summary: string;
  /** Whole sentences: what happened, and what to do. */
  readonly detail: string;
  /** The attribute that it is about; Terraform shows its line. */
  readonly path?: Path;
}

export function problem(summary: string, detail: string, path?: Path): Diagnostic {
  return { severity: "error", summary, detail, ...(path === undefined ? {} : { path }) };
}

export function warning(summary: string, detail: string, path?: Path): Diagnostic {
  return { severity: "warning", summary, detail, ...(path === undefined ? {} : { path }) };
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === "error");
}

export function diagnosticMessage(diagnostic: Diagnostic): Partial<DiagnosticContent> {
  const { severity, summary, detail, path } = diagnostic;
  return {
    severity: SEVERITY[severity],
    summary,
    detail,
    ...(path === undefined || path.length === 0 ? {} : { attribute: pathMessage(path) }),
  };
}

/** Something did not work, and this is what to say about it. */
export class Refused extends Error {
  readonly diagnostics: readonly Diagnostic[];
  /** What is there all the same: a change that is half done must not be forgotten. */
  readonly state: Values | undefined;

  constructor(diagnostics: readonly Diagnostic[], state?: Values) {
    super(diagnostics.map(({ summary }) => summary).join("; "));
    this.name = "Refused";
    this.diagnostics = diagnostics;
    this.state = state;
  }
}
