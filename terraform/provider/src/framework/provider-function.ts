import type { Value, ValueType } from "../protocol/index.js";

export interface Parameter {
  readonly name: string;
  readonly type: ValueType;
  readonly description: string;
  readonly allowNull?: boolean;
}

/** `provider::sluice::name(...)`: of its arguments alone, whatever the configuration of the provider. */
export interface ProviderFunction {
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly returns: ValueType;
  /** @throws ArgumentRefused */
  call(args: readonly Value[]): Value;
}

export class ArgumentRefused extends Error {
  /** Counted from 0. */
  readonly argument: number;

  constructor(argument: number, text: string) {
    super(text);
    this.name = "ArgumentRefused";
    this.argument = argument;
  }
}
