"""Metrics' bodies, as they travel over HTTP: `quality` what is measured every second, `surveyed` what surveys say."""
