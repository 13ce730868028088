"""What assign costs and holds by how many units wait: a claim, a submission, the next unit with a label, a start."""
