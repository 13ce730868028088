"""The store port: documents under unique keys, in MongoDB or in memory."""
