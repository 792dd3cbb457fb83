"""The policy: where a model comes from, how it is sampled and scored, and the pocket policy of this repository."""
