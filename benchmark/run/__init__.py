"""Jobs: planned, carried out in processes of their own, watched, and diagnosed."""
