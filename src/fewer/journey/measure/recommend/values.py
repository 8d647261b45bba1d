"""The numbers that decisions rest on, each with its reason; nothing else in this room has any."""

from __future__ import annotations

from typing import Final

LEVEL: Final = 0.05
"""Expected share of false ones among verdicts that rest on outcomes (Benjamini-Hochberg over all
randomised comparisons of the programme). In a programme that changes nothing, 19 runs of 20 give
no such verdict at all."""

CONFIDENCE: Final = 0.95
"""Of every interval shown."""

LEAST_EXPECTED: Final = 5.0
"""Conversions expected in each group below which a comparison is not judged: its error can't be
told, so neither could the cost of being wrong."""

LEAST_SEGMENTS: Final = 10
"""Comparisons from which the spread of true changes can be learnt from the programme itself."""

SCEPTIC: Final = (0.0, 0.3)
"""With fewer: changes are believed to be 0 on average, two in three within 30 %. What is reported
of randomised advertising tests is rarely above that, so larger ones are drawn towards it."""

SLACK: Final = 0.1
"""A size this close to its limit (10 %) is as good as inside: people come and go daily."""

HISTORY: Final = 8
"""Refreshes that are looked at: two months of weekly ones."""

OUTSIDE: Final = 0.5
"""Share of the refreshes looked at in which a size must be outside before an edit is proposed, so
that one odd week changes no definition."""

SAME: Final = 0.8
"""Two segments are nearly equal when they share this much of all their people (Jaccard)."""

SHORTEST_STAY: Final = 3.0
"""Days that a person stays in a segment on average below which platforms, which take one to two
days to match an upload, hardly reach anybody before they are out again."""

AS_GOOD: Final = 0.8
"""A longer window is only proposed where the people it adds surely convert this often, over those
of the shorter one: lower limit of the interval."""

LOOKS: Final = 8
"""Times that a holdout without a planned end is read in two months of weekly refreshes. Its
p-values count so many times, so that all eight readings together keep `LEVEL` (Bonferroni)."""

COST_WEEKS: Final = 8
"""Weeks of ad reports, the last before the refresh, that tell what a week costs."""

WEEK_DAYS: Final = 7
SHARES: Final = (0.1, 0.2, 0.3, 0.5)
"""Shares to hold out that a test may ask for, the smallest that does it in time first."""

WORTH_SEEING: Final = 1.26
"""The change a test must be able to show: what is often promised of small segments."""

POWER: Final = 0.8
"""Chance that a test shows such a change, if there is one."""

SOON: Final = 12
"""Weeks, a quarter, in which a test is best done: the smallest share that does it is held out."""

PATIENCE: Final = 26
"""Weeks that a test may take at most. Seasons change both groups alike, but the segment and its
message rarely stay the same for longer than half a year."""

LONGEST: Final = 104
"""Weeks beyond which nobody waits: said as "more than two years"."""

FAIR: Final = 1e-9
"""Below this an amount counts as nothing."""
