"""The five services. None imports another: they meet in topics."""
