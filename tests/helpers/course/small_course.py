"""A chapter of three small exercises, one of each kind, for the course's tests.

Its number is not the book's, so that the book's answers cannot help it: it is always
used with other numbers than its own, whose sealed answers travel in the notebooks.
"""

import nbformat

from tests.helpers.sample_chapter import code, exercise, markdown

NAME = "99_small"
SEED = "0"  # with any seed every token below changes
COMPUTE = """
grown = [1.25**i for i in range(40)]
answer = sum(grown[:3]) + offset
ntkbook.page.key(
    "99.1",
    answer,
    mistakes={"Count from 0.": answer - 1, "That is one term.": grown[2]},
)
"""
ARRAY = """
answer = base * 4.0
ntkbook.page.key(
    "99.2", answer, rel=1e-3, mistakes={"More than twice.": base * 2.0}
)
"""


def chapter() -> nbformat.NotebookNode:
    """The chapter, as it would be committed; its outputs are not needed here."""
    cells = [
        markdown("# Small: how much is it?"),
        code("import jax\nimport numpy as np\n\nimport ntkbook"),
        code(
            "offset = float(jax.jit(lambda one: one / 2)(1.0))\n"
            "unused = [print('too much')]"
        ),
        code("base = np.ones(2)\nprint('drawn')"),
        code("base[0] = 7.0"),
        markdown("## Exercises\n\n$$ a $$ (eq-a)"),
        markdown(
            "```{exercise} Sum\n:label: ex-99-1\nAdd `offset` to the first 3 powers "
            "of the factor 1.25, after {eq}`eq-a`.\n```",
            ntkbook=exercise(
                "99.1", "compute", lines=2, vary={"1.25": ["1.5", "1.75", "2.25"]}
            ),
        ),
        *solution("1", "The factor is 1.25.", COMPUTE),
        markdown(
            "```{exercise} Scale\n:label: ex-99-2\nWhat is 4.0 times `base`?\n```",
            ntkbook=exercise("99.2", "compute", lines=1, vary={"4.0": ["3.0", "5.0"]}),
        ),
        *solution("2", "All of it.", ARRAY),
        markdown(
            "```{exercise} Why\n:label: ex-99-3\nWhy?\n```",
            ntkbook=exercise("99.3", "think"),
        ),
        *solution("3", "Because of the 3 secret reasons."),
        markdown(
            "```{exercise} Look\n:label: ex-99-4\nTry.\n```",
            ntkbook=exercise("99.4", "explore"),
        ),
        *solution("4", "A hidden lesson.", "print('tried', grown[0])"),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells)


def solution(number: str, prose: str, source: str = "") -> list:
    """The cells of a solution."""
    label = f"ex-99-{number}"
    cells = [markdown(f"```{{solution-start}} {label}\n:class: dropdown\n```")]
    cells.append(markdown(prose))
    cells += [code(source, tags=["solution"])] if source else []
    return [*cells, markdown("```{solution-end}\n```")]
