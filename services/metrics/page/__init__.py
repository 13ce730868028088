"""A project's report as a page: `material` gathers, `plots` draws, `document` puts it together."""
