"""Other labelling platforms from their own packages, doing what the whole does: units in, labels out."""
