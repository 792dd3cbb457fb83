"""Plan jobs, run them in separate processes, watch them, and diagnose their step logs."""
