{{- define "sluice.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}

{{- /*
A value as it was written. A number of a values file is a float64, which templates write as 1e+06 from a million on; JSON
does from 1e21 on, and keeps fractions.
*/ -}}
{{- define "sluice.text" -}}
{{- if kindIs "float64" . }}{{ toJson . }}{{ else if not (kindIs "invalid" .) }}{{ . }}{{ end -}}
{{- end }}

{{- define "sluice.image" -}}
{{- $tag := include "sluice.text" .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- with .root.Values.image.registry }}{{ . }}/{{ end }}sluice-{{ .plane }}:{{ $tag }}
{{- end }}

{{- define "sluice.labels" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "sluice.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "sluice.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /*
Workers of a data plane: as given; else the CPU limit decides, which the process sees itself (nothing is set); else as many
as cores are requested, and not one for each core of the node, whose memory nobody has reckoned with.
*/ -}}
{{- define "sluice.workers" -}}
{{- $resources := .resources | default dict -}}
{{- $cpu := ($resources.requests | default dict).cpu | toString -}}
{{- if .workers -}}{{ include "sluice.text" .workers }}
{{- else if ($resources.limits | default dict).cpu -}}
{{- else if hasSuffix "m" $cpu -}}{{ max 1 (divf (trimSuffix "m" $cpu | float64) 1000 | ceil | int) }}
{{- else if regexMatch "^[0-9.]+$" $cpu -}}{{ max 1 (ceil (float64 $cpu) | int) }}
{{- end -}}
{{- end }}

{{- define "sluice.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ include "sluice.text" $value | quote }}
{{- end }}
{{- end }}
