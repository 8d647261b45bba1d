"""What we know: who is who, the durable store, and the readers that fill it."""
