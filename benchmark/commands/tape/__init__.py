"""One tape, many losses: record rollouts once, feed the same ones to every method from the same weights."""
