"""What one request of many units costs ingest, and how much memory it takes."""
