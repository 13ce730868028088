"""Pages that are one file: parts that keep texts texts, one style in the light and in the dark, and drawing by SVG."""
