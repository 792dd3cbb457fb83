"""One folder a further command; `bakeoff --help` lists them."""
