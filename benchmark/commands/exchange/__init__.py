"""Exchange with lm-evaluation-harness, Parquet, MLflow, trackio, W&B and TRL; described in docs/exchange.md."""
