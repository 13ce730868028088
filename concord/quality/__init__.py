"""Pure statistics of annotation quality: nothing here waits, remembers or logs."""
