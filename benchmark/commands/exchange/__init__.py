"""To and from other programs: lm-evaluation-harness, Parquet, MLflow, trackio, W&B, TRL. docs/exchange.md says how."""
