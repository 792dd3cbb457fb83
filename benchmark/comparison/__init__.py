"""The read model of pages, tables and exports: records joined, estimated and compared."""
