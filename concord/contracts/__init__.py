"""What travels between services: topics, events and how they become bytes."""
