"""One tape, many losses: completions recorded once and fed to every method from the same weights."""
