"""Random worlds and random definitions that ask about them.

Everything is drawn through `dice.Dice`, so the same code serves hypothesis (which shrinks) and
plain seeded numbers (which can draw hundreds of definitions over one world).
"""
