"""The oracle: what a definition means, in plain Python that follows the specification.

It reads the definitions' models and nothing else of the package: no evaluation code, no date
arithmetic, no pattern translation. It is slow on purpose (chains of events are searched one by
one, fractions are exact), so that a reader can check each function against one sentence.

Read in this order: `world`, `clock`, `numbers`, `text`, `predicates`, `behaviours`, `sequences`,
`conditions`, `segments`.
"""
