"""Pictures as text: numbers in, SVG and HTML out (pure)."""
