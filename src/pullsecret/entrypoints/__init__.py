"""The programs: adapter, job and command line."""
