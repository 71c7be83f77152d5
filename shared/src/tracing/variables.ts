import type { Environment, Variable } from "../config/index.js";
import { oneOf } from "../config/index.js";

/**
 * Those of OpenTelemetry's variables that decide whether there are traces, and those that would else be wrong without
 * a word. The others (headers, sampling, batches, the resource) OpenTelemetry's own library reads.
 */
export function tracingVariables(environment: Environment) {
  const on = Boolean(
    environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  );
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
    // A platform sets these two for all its programs: what is not spoken here stops only who wants traces.
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol(on && !environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL),
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol(on),
    OTEL_TRACES_EXPORTER: oneOf(["otlp", "none"], "otlp"),
    OTEL_SDK_DISABLED: disabled,
    OTEL_TRACES_SAMPLER: oneOf(SAMPLERS, "parentbased_always_on"),
  };
}

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

const PROTOCOL = "http/protobuf";

/** Never told with its value: it may hold a password. */
const endpoint: Variable<string | undefined> = (value) => {
  if (value === undefined) return undefined;
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new Error("must be a URL, for instance http://collector:4318");
  }
  return value;
};

function protocol(matters: boolean): Variable<string> {
  return (value) => {
    if (matters && value !== undefined && value !== PROTOCOL) {
      throw new Error(
        `must be ${JSON.stringify(PROTOCOL)}, the one that is spoken, not ${JSON.stringify(value)}`,
      );
    }
    return PROTOCOL;
  };
}

/** OpenTelemetry's rule for booleans: `true`, in whatever case, is true, and all else is false. */
const disabled: Variable<boolean> = (value) => value?.toLowerCase() === "true";
