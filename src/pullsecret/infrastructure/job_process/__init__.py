"""What the adapter and the job process it starts agree on: environment, exit codes, termination message."""
