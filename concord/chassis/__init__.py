"""What every service stands on: three ports (store, broker, clock), the journal, and the doors' machinery."""
