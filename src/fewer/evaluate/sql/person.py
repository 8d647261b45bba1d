"""Passes over what is known of people themselves: traits, consents, lists, samples."""

from __future__ import annotations

from sqlglot import exp

from fewer.evaluate.plan.leaf import Granted, Listed, Person, Sampled
from fewer.evaluate.plan.passes import Consents, Lists, Persons, Samples
from fewer.evaluate.sql.context import Answer, Context
from fewer.evaluate.sql.predicate import conjunction, one_of_texts, plain
from fewer.evaluate.sql.tree import (
    boolean,
    column,
    count_if,
    every,
    known,
    named,
    nested,
    number,
    select,
    table,
)

GRANTED = "granted"


def persons(this: Persons, context: Context) -> exp.Select:
    """Traits, one row per person."""
    answers = []
    for n in this.leaves:
        condition = conjunction(context.leaf(n, Person).atoms, plain(), context.functions)
        answers.append(Answer(n, known(condition or boolean(True))))
    return context.answers(column("person"), answers, table("people"))


def consents(this: Consents, context: Context) -> exp.Select:
    """Purposes for which consent was granted; unknown and denied are as good as no row."""
    purposes = {n: context.leaf(n, Granted).purpose for n in this.leaves}
    state = one_of_texts(column("state"), [GRANTED], context.functions)
    return _named_rows(purposes, "purpose", "consents", context, [state])


def lists(this: Lists, context: Context) -> exp.Select:
    """Lists that people are on."""
    ids = {n: context.leaf(n, Listed).list_id for n in this.leaves}
    return _named_rows(ids, "list_id", "lists", context, [])


def _named_rows(
    names: dict[int, str],
    key: str,
    relation: str,
    context: Context,
    tests: list[exp.Expr],
) -> exp.Select:
    functions = context.functions
    wanted = one_of_texts(column(key), sorted(set(names.values())), functions)
    answers = []
    for n, name in names.items():
        rows = count_if(one_of_texts(column(key), [name], functions))
        answers.append(Answer(n, exp.GT(this=rows, expression=number(0))))
    where = every([wanted, *tests])
    return context.answers(column("person"), answers, table(relation), where=where, grouped=True)


def samples(this: Samples, context: Context) -> exp.Select:
    """Digests of salt and person, each salt once."""
    leaves = {n: context.leaf(n, Sampled) for n in this.leaves}
    salts = {salt: f"h{n}" for n, salt in enumerate(dict.fromkeys(s.salt for s in leaves.values()))}
    digests = [
        named(context.functions.digest(f"{salt}:", column("key")), name)
        for salt, name in salts.items()
    ]
    source = nested(select([column("person"), *digests], table("persons")), "d")
    answers = []
    for n, leaf in leaves.items():
        # Both are 16 lower-case hex digits, so that text compares as the numbers do.
        threshold = exp.Literal.string(leaf.threshold or "g")
        below = exp.LT(this=column(salts[leaf.salt]), expression=threshold)
        answers.append(Answer(n, below))
    return context.answers(column("person"), answers, source)
