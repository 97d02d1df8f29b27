"""One run over an output folder: what is fetched, by which address, and what follows from it."""
