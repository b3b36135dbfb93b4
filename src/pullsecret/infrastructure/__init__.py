"""One package per outside system; each fulfils ports and knows nothing of the others."""
