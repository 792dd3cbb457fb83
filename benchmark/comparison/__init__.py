"""What every page, table and export reads: records joined, estimated and compared."""
