"""Where an audience can be sent; one file each."""
