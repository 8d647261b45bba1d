"""The rules: each looks at one segment and says one thing, or nothing."""
