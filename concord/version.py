"""Which version of Concord this is: said on what it signs. The package says the same; a test holds them together."""

VERSION = "0.1.0"
