"""A served fake of the Google Cloud APIs that this project calls, for its own tests and for others'."""
