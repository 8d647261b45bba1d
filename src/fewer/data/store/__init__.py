"""The durable truth: Delta tables, the person table, the control database, generations."""
