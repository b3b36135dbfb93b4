"""OpenTelemetry traces, from the event over the job to the status; an extra, and off unless asked for."""
