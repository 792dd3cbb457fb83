"""From completions to numbers: the examiner, the metrics, and how diverse solutions are."""
