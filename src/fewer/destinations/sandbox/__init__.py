"""Stand-ins for platforms, on this machine only: what they say is simulated.

They share no code with the destinations: each checks and holds what it is sent by itself.
"""
