"""The five services on the real local stack: CPU an operation, beside a bare loop that does the same I/O."""
