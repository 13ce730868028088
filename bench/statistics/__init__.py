"""The statistics on a million annotations, beside the packages that one would else take, each in a child process."""
