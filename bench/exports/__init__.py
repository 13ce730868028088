"""What writing a large export costs, format by format."""
