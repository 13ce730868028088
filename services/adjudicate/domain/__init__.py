"""What adjudicate decides: pure functions of a unit, its annotations and what is known of its annotators."""
