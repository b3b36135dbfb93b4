"""CloudEvents 1.0, as every broker carries them."""
